import { emaUpdate, noGrad, type Tensor, tidy } from "@hyfw/native";
import type { Sharding } from "../hooks/accelerator.js";
import type { ParameterSlot } from "../hooks/model.js";
import type { Settings } from "../settings/schema.js";
import { averageOf, type WeightAverage, withInFront } from "./weight-average.js";

const DECAY = 0.9999;
const WARMUP_POWER = 2 / 3;

/**
 * Decay of one update of the moving average, given the optimizer steps done before it.
 * Fixed, or with warm-up 0 for s = 0 and min(decay, 1 - (1 + s)^-power) after, s = max(0, before - 1): the form of
 * the official trainer, which counts micro-steps where this counts optimizer steps.
 */
export function emaDecayAt(before: number, settings: Settings["train"]["ema"]): number {
  const { decay = DECAY, warmup, warmupPower = WARMUP_POWER } = settings;
  if (!warmup) return decay;
  const s = Math.max(0, before - 1);
  return s === 0 ? 0 : Math.min(decay, 1 - (1 + s) ** -warmupPower);
}

/** A moving average of the weights that this process updates, in float32, beside the weights themselves. */
export class Ema implements WeightAverage {
  private readonly averages: ReadonlyMap<ParameterSlot, Tensor>;
  private updates = 0;

  constructor(
    private readonly parameters: readonly ParameterSlot[],
    private readonly settings: Settings["train"]["ema"],
    private readonly sharding?: Sharding,
  ) {
    this.averages = new Map(
      parameters.map((slot) => [
        slot,
        tidy(() => noGrad(() => slot.storage.detach().float().clone())).keep(),
      ]),
    );
  }

  get count(): number {
    return this.updates;
  }

  get held(): readonly Tensor[] {
    return [...this.averages.values()];
  }

  /** ema ← d·ema + (1 - d)·weights, after an optimizer step. */
  update(): void {
    const weights = this.parameters.map(({ storage }) => storage);
    noGrad(() => emaUpdate(this.held, weights, emaDecayAt(this.updates, this.settings)));
    this.updates += 1;
  }

  /** `tensors` has every parameter by name. */
  restore(tensors: Readonly<Record<string, Tensor>>, count: number): void {
    for (const [{ name }, average] of this.averages) {
      const saved = tensors[name];
      if (saved !== undefined) noGrad(() => average.copy_(saved));
    }
    this.updates = count;
  }

  of(slot: ParameterSlot): Tensor {
    return averageOf(this.averages, slot);
  }

  inFront<Result>(work: () => Promise<Result>): Promise<Result> {
    return withInFront(this.parameters, this.averages, this.sharding, work);
  }

  dispose(): void {
    for (const average of this.held) average.dispose();
  }
}
