import { emaUpdate, noGrad, type Tensor, tidy } from "@hyfw/native";
import type { Sharding } from "../hooks/accelerator.js";
import type { ParameterSlot } from "../hooks/model.js";
import type { Settings } from "../settings/schema.js";

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
export class Ema {
  /** One per parameter, by its name. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  private readonly averages: readonly Tensor[];
  private updates = 0;

  constructor(
    private readonly parameters: readonly ParameterSlot[],
    private readonly settings: Settings["train"]["ema"],
    private readonly sharding?: Sharding,
  ) {
    this.averages = parameters.map(({ storage }) =>
      tidy(() => noGrad(() => storage.detach().float().clone())).keep(),
    );
    this.tensors = Object.fromEntries(
      parameters.flatMap(({ name }, index) => {
        const average = this.averages[index];
        return average === undefined ? [] : [[name, average] as const];
      }),
    );
  }

  /** Updates so far. */
  get count(): number {
    return this.updates;
  }

  /** ema ← d·ema + (1 - d)·weights, after an optimizer step. */
  update(): void {
    const weights = this.parameters.map(({ storage }) => storage);
    noGrad(() => emaUpdate(this.averages, weights, emaDecayAt(this.updates, this.settings)));
    this.updates += 1;
  }

  /** Copies saved averages in; `tensors` has every parameter by name. */
  restore(tensors: Readonly<Record<string, Tensor>>, count: number): void {
    for (const [name, average] of Object.entries(this.tensors)) {
      const saved = tensors[name];
      if (saved !== undefined) noGrad(() => average.copy_(saved));
    }
    this.updates = count;
  }

  /** Runs `work` with the averages in front of the weights, as for drawing pictures. */
  async inFront<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.sharding !== undefined) return this.sharding.inFront((slot) => this.of(slot), work);
    for (const [index, slot] of this.parameters.entries()) slot.substitute(this.averages[index]);
    try {
      return await work();
    } finally {
      for (const slot of this.parameters) slot.substitute(undefined);
    }
  }

  /** The average of one parameter that this process updates. */
  of(slot: ParameterSlot): Tensor {
    const average = this.averages[this.parameters.indexOf(slot)];
    if (average === undefined) throw new Error(`${slot.name} has no moving average`);
    return average;
  }

  dispose(): void {
    for (const average of this.averages) average.dispose();
  }
}
