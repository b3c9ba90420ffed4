import {
  type Adapter,
  type LowRank,
  type Model,
  type ModelFacts,
  type ParameterSlot,
  patternOf,
} from "@hyfw/core";
import { openWeights, peftConfig } from "@hyfw/core/weights";
import { noGrad, tidy } from "@hyfw/native";
import { makeLowRank } from "@hyfw/nn";
import { startMisfit, targetsNone } from "./errors.js";
import type { LoraOptions } from "./options.js";

/** What every name of peft's files begins with. */
const PREFIX = "base_model.model.";
const WEIGHT = ".weight";

/** One layer that is adapted. */
interface Adapted {
  /** The layer's name, without `.weight`. */
  readonly module: string;
  readonly rank: number;
  readonly term: LowRank;
}

/**
 * LoRA (Hu et al. 2021): beside each target layer, (alpha / rank) · B · A with A [rank, in] even between ±1/√in and
 * B [out, rank] zero, so that training starts from the model itself. Files have peft's form.
 */
export class Lora implements Adapter {
  readonly name = "LoRA";
  private adapted: readonly Adapted[] = [];

  constructor(private readonly options: LoraOptions) {}

  attach(model: Model, facts: ModelFacts): ReadonlyMap<string, readonly ParameterSlot[]> {
    const bySegment = new Map<string, ParameterSlot[]>();
    const adapted: Adapted[] = [];
    const layers: string[] = [];
    for (const { name: segment, parameters } of model.segments)
      for (const slot of parameters) {
        if (slot.adapt === undefined || !slot.castable || slot.shape.length !== 2) continue;
        const module = slot.name.slice(0, -WEIGHT.length);
        layers.push(module);
        if (!this.isTarget(module)) continue;
        const one = this.adapt(slot, module, facts);
        adapted.push(one);
        bySegment.set(segment, [...(bySegment.get(segment) ?? []), one.term.down, one.term.up]);
      }
    if (adapted.length === 0) throw targetsNone(this.options.targetModules, layers);
    this.adapted = adapted;
    if (this.options.start !== null && facts.device !== "meta") this.load(this.options.start);
    return bySegment;
  }

  files(): Readonly<Record<string, string>> {
    const { rank, alpha } = this.options;
    const targets = this.adapted.map(({ module }) => module);
    return { "adapter_config.json": peftConfig(this.adapted, { rank, alpha: alpha ?? rank, targets }) };
  }

  describe(): string {
    const { rank, alpha, rankPattern, start } = this.options;
    const others = Object.entries(rankPattern).map(([name, own]) => `${own} for ${name}`);
    return `rank ${[rank, ...others].join(", ")}, alpha ${alpha ?? rank}, beside ${this.adapted.length} layers${
      start === null ? "" : `, going on from ${start}`
    }`;
  }

  private isTarget(module: string): boolean {
    const { targetModules, excludeModules } = this.options;
    const isNamed = (text: string): boolean =>
      text.includes("*") ? patternOf(text).test(module) : module === text || module.endsWith(`.${text}`);
    return targetModules.some(isNamed) && !excludeModules.some(isNamed);
  }

  private adapt(slot: ParameterSlot, module: string, { device, seed }: ModelFacts): Adapted {
    const { rank: usual, alpha, rankPattern } = this.options;
    const own = Object.entries(rankPattern).find(([text]) => patternOf(text).test(module));
    const rank = own?.[1] ?? usual;
    const term = makeLowRank(
      slot,
      { down: `${PREFIX}${module}.lora_A.weight`, up: `${PREFIX}${module}.lora_B.weight` },
      {
        rank,
        alpha: rank * ((alpha ?? usual) / usual),
        birth: { device, seed },
      },
    );
    slot.adapt?.(term);
    return { module, rank, term };
  }

  /** Copies an adapter's arrays in. @throws HYFW_LORA_START unless names and shapes are the same */
  private load(path: string): void {
    const file = openWeights(path);
    const plain = new Map(file.names().map((name) => [name.replace(".default.weight", WEIGHT), name]));
    const slots = this.adapted.flatMap(({ term }) => [term.down, term.up]);
    for (const { name, shape } of slots) {
      const stored = plain.get(name);
      if (stored === undefined) throw startMisfit(file.path, `it has no ${name}`);
      const found = file.entry(stored).shape;
      if (found.join() !== shape.join())
        throw startMisfit(file.path, `${name} is [${found.join(", ")}] in it, [${shape.join(", ")}] here`);
    }
    const known = new Set(slots.map(({ name }) => name));
    const excluded = this.options.excludeModules.map((text) => patternOf(`${PREFIX}${text}*`));
    for (const name of plain.keys())
      if (!known.has(name) && !excluded.some((pattern) => pattern.test(name)))
        throw startMisfit(file.path, `${name} in it belongs to no layer that is adapted`);
    tidy(() =>
      noGrad(() => {
        for (const { name, storage } of slots) storage.detach().copy_(file.get(plain.get(name) ?? name));
      }),
    );
  }
}
