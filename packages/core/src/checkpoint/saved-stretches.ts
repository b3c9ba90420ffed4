import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { empty, type MappedSafetensors, noGrad, openSafetensors, type Tensor } from "@hyfw/native";
import { stateFixed } from "../errors/checkpoint.js";
import { weightsDiffer } from "../errors/weights.js";
import type { ParameterSlot } from "../hooks/model.js";
import { elements } from "../run/flat-bucket.js";
import { FILES, STRETCHES } from "./save.js";

/** One saved stretch of an array, flattened. */
interface Stretch {
  readonly file: MappedSafetensors;
  readonly start: number;
  readonly end: number;
  /** Whether the file holds the array of a whole parameter. */
  readonly isWhole: boolean;
}

/** What reading needs to know of a slot; `start` and `end` are those of a stretch. */
export interface SlotShape extends Pick<ParameterSlot, "name" | "shape"> {
  readonly start?: number;
  readonly end?: number;
}

type Stretches = Readonly<Record<string, readonly [number, number]>>;

/**
 * Arrays of a checkpoint that one file holds whole, or several hold in stretches. Any stretch can be read: what lies
 * in one file in one piece is mapped, the rest is put together.
 */
export class SavedStretches {
  private readonly found = new Map<string, Stretch[]>();

  private constructor(
    private readonly files: readonly MappedSafetensors[],
    /** The parameter that an array of this name belongs to. */
    parameterOf: (name: string) => string = (name) => name,
  ) {
    for (const file of files) {
      const stretches: Stretches | undefined =
        file.metadata[STRETCHES] === undefined ? undefined : JSON.parse(file.metadata[STRETCHES]);
      for (const name of file.names()) {
        const whole = [0, elements(file.entry(name).shape)] as const;
        const stretch = stretches?.[parameterOf(name)];
        const [start, end] = stretch ?? whole;
        const all = this.found.get(name) ?? [];
        all.push({ file, start, end, isWhole: stretch === undefined });
        this.found.set(name, all);
      }
    }
  }

  /** A file that holds every array whole. */
  static whole(file: MappedSafetensors): SavedStretches {
    return new SavedStretches([file]);
  }

  /** The moving average of a checkpoint; `undefined` when it has none. */
  static ema(checkpoint: string): SavedStretches | undefined {
    const whole = join(checkpoint, FILES.ema);
    if (existsSync(whole)) return SavedStretches.whole(openSafetensors(whole));
    return SavedStretches.ranks(checkpoint, "ema");
  }

  /** The moments of a checkpoint, by `<parameter name>.<moment>`; `undefined` when it has none. */
  static optimizer(checkpoint: string): SavedStretches | undefined {
    return SavedStretches.ranks(checkpoint, "optimizer", parameterOfMoment);
  }

  private static ranks(
    checkpoint: string,
    kind: string,
    parameterOf?: (name: string) => string,
  ): SavedStretches | undefined {
    const pattern = new RegExp(`^${kind}-rank\\d+\\.safetensors$`);
    const names = readdirSync(checkpoint).filter((name) => pattern.test(name));
    if (names.length === 0) return undefined;
    return new SavedStretches(
      names.map((name) => openSafetensors(join(checkpoint, name))),
      parameterOf,
    );
  }

  /** An array's stretch that a slot stands for, shaped as the slot, in the current scope. */
  read(name: string, slot: SlotShape): Tensor {
    const { start, end } = stretchOf(slot);
    const all = this.found.get(name) ?? [];
    const same = all.find((one) => one.start === start && one.end === end);
    if (same !== undefined) return same.file.get(name).reshape(slot.shape);
    return this.join(name, all, { start, end }).reshape(slot.shape);
  }

  /** Every moment of some parameters, shaped as the slots. @throws HYFW_CHECKPOINT_RESHARD */
  momentsOf(slots: readonly ParameterSlot[]): Record<string, Tensor> {
    const bySlot = new Map(slots.map((slot) => [slot.name, slot]));
    const moments: Record<string, Tensor> = {};
    for (const name of this.found.keys()) {
      const slot = bySlot.get(parameterOfMoment(name));
      if (slot !== undefined) moments[name] = this.readMoment(name, slot);
    }
    return moments;
  }

  /** Compares names and shapes with a model's. @throws HYFW_WEIGHTS */
  check(parameters: readonly ParameterSlot[]): void {
    const wrong = parameters.flatMap(({ name, shape }) => {
      const end = Math.max(0, ...(this.found.get(name) ?? []).map((one) => one.end));
      return end === elements(shape) ? [] : [`${name}: the model has [${shape}], the files ${end} numbers`];
    });
    if (wrong.length > 0) throw weightsDiffer(this.files[0]?.path ?? "", wrong);
  }

  private readMoment(name: string, slot: ParameterSlot): Tensor {
    const all = this.found.get(name) ?? [];
    const { start, end } = stretchOf(slot);
    const isPart = "whole" in slot;
    const same = all.find((one) =>
      isPart ? one.start === start && one.end === end : one.isWhole || (one.start === 0 && one.end === end),
    );
    if (same !== undefined) {
      // Moments that are no array like their parameter, such as scales of blocks, keep their own shape.
      const moment = same.file.get(name);
      return moment.numel === end - start ? moment.reshape(slot.shape) : moment;
    }
    for (const one of all)
      if (elements(one.file.entry(name).shape) !== one.end - one.start)
        throw stateFixed(name, one.file.path, "it is not one number per number of its parameter");
    return this.join(name, all, { start, end }).reshape(slot.shape);
  }

  private join(
    name: string,
    all: readonly Stretch[],
    { start, end }: { readonly start: number; readonly end: number },
  ): Tensor {
    const [first] = all;
    if (first === undefined) throw stateFixed(name, this.files[0]?.path ?? "", "it is in none of the files");
    return noGrad(() => {
      const joined = empty([end - start], { dtype: first.file.entry(name).dtype });
      let filled = 0;
      for (const one of all) {
        const from = Math.max(start, one.start);
        const to = Math.min(end, one.end);
        if (from >= to) continue;
        const piece = one.file
          .get(name)
          .reshape([-1])
          .narrow(0, from - one.start, to - from);
        joined.narrow(0, from - start, to - from).copy_(piece);
        filled += to - from;
      }
      if (filled !== end - start)
        throw stateFixed(name, first.file.path, `the files have ${filled} of ${end - start} numbers`);
      return joined;
    });
  }
}

/** The stretch of its parameter that a slot stands for; the whole of it for a parameter itself. */
export function stretchOf(slot: SlotShape): { readonly start: number; readonly end: number } {
  const { start = 0, end = start + elements(slot.shape) } = slot;
  return { start, end };
}

/** Moments are named `<parameter name>.<moment>`. */
function parameterOfMoment(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}
