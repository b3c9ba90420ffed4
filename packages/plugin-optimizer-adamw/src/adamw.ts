import type { Optimizer, OptimizerStep, ParameterSlot } from "@hyfw/core";
import { adamwUpdate, type Tensor, zeros } from "@hyfw/native";
import { copyState } from "@hyfw/nn";
import { gradientMissing, momentsDiffer } from "./errors.js";
import type { AdamwOptions } from "./options.js";

/** One parameter with its moments. */
interface Entry {
  readonly slot: ParameterSlot;
  readonly expAvg: Tensor;
  readonly expAvgSq: Tensor;
}

/**
 * AdamW over all parameters, in one fused op per group of equal decay:
 *
 *     g ← gradScale·grad;  m ← β1·m + (1 − β1)·g;  v ← β2·v + (1 − β2)·g²
 *     w ← w·(1 − lr·weightDecay) − lr · (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + eps)
 *
 * Moments are float32 on the parameter's device.
 */
export class Adamw implements Optimizer {
  private readonly entries: readonly Entry[];
  private steps = 0;

  constructor(
    parameters: readonly ParameterSlot[],
    private readonly options: AdamwOptions,
  ) {
    const moment = ({ shape, storage }: ParameterSlot): Tensor =>
      zeros(shape, { device: storage.device }).keep();
    this.entries = parameters.map((slot) => ({ slot, expAvg: moment(slot), expAvgSq: moment(slot) }));
  }

  async step({ lr, gradScale }: OptimizerStep): Promise<void> {
    const { betas, eps, weightDecay, decayAll } = this.options;
    const groups: { entries: Entry[]; decay: number }[] = [
      { entries: this.entries.filter(({ slot }) => decayAll || slot.decays), decay: weightDecay },
      { entries: this.entries.filter(({ slot }) => !decayAll && !slot.decays), decay: 0 },
    ];
    const ready = groups.map(({ entries, decay }) => ({ entries, decay, grads: this.gradients(entries) }));
    this.steps += 1;
    const jobs = ready.map(({ entries, decay, grads }) =>
      entries.length === 0
        ? undefined
        : adamwUpdate(
            {
              weights: entries.map(({ slot }) => slot.storage),
              grads,
              expAvgs: entries.map(({ expAvg }) => expAvg),
              expAvgSqs: entries.map(({ expAvgSq }) => expAvgSq),
            },
            { gradScale, lr, betas, eps, weightDecay: decay, step: this.steps },
          ),
    );
    try {
      await Promise.all(jobs);
    } finally {
      for (const { grads } of ready) for (const grad of grads) grad.dispose();
    }
  }

  state(): ReturnType<Optimizer["state"]> {
    const tensors: Record<string, Tensor> = {};
    for (const { slot, expAvg, expAvgSq } of this.entries) {
      tensors[`${slot.name}.exp_avg`] = expAvg;
      tensors[`${slot.name}.exp_avg_sq`] = expAvgSq;
    }
    return { tensors, counters: { steps: this.steps } };
  }

  restore({ tensors, counters }: Parameters<Optimizer["restore"]>[0]): void {
    copyState(this.state().tensors, tensors, momentsDiffer);
    this.steps = counters.steps ?? 0;
  }

  describe(): string {
    const { betas, eps, weightDecay, decayAll } = this.options;
    const decaying = this.entries.filter(({ slot }) => decayAll || slot.decays).length;
    const decay =
      weightDecay === 0
        ? "no weight decay"
        : `weight decay ${weightDecay} on ${decaying} of ${this.entries.length} tensors`;
    return `AdamW, betas ${betas.join(" and ")}, eps ${eps}, ${decay}`;
  }

  /** Gradients in the current scope. @throws HYFW_ADAMW_GRADIENT */
  private gradients(entries: readonly Entry[]): Tensor[] {
    const found = entries.map(({ slot }) => slot.storage.grad);
    const missing = entries.filter((_entry, index) => found[index] === undefined);
    if (missing.length > 0)
      throw gradientMissing(
        missing.map(({ slot }) => slot.name),
        this.entries.length,
      );
    return found.flatMap((grad) => grad ?? []);
  }
}
