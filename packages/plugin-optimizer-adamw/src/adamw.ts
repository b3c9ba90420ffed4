import type { Optimizer, OptimizerFacts, OptimizerStep, ParameterSlot } from "@hyfw/core";
import { type SlotGroup, SlotGroups } from "@hyfw/core/optimizer";
import { adamwUpdate, type Tensor, zeros } from "@hyfw/native";
import type { AdamwOptions } from "./options.js";

type Moments = Readonly<Record<"exp_avg" | "exp_avg_sq", Tensor>>;

/**
 * AdamW over all parameters, in one fused op per group of equal rate and decay:
 *
 *     g ← gradScale·grad;  m ← β1·m + (1 − β1)·g;  v ← β2·v + (1 − β2)·g²
 *     w ← w·(1 − lr·weightDecay) − lr · (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + eps)
 *
 * Moments are float32 on the parameter's device: 8 bytes per parameter.
 */
export class Adamw implements Optimizer {
  private readonly groups: SlotGroups<Moments>;
  private steps = 0;

  constructor(
    parameters: readonly ParameterSlot[],
    private readonly options: AdamwOptions,
    facts: OptimizerFacts,
  ) {
    const moment = ({ shape, storage }: ParameterSlot): Tensor =>
      zeros(shape, { device: storage.device }).keep();
    this.groups = new SlotGroups<Moments>(parameters, {
      ...facts,
      decay: options,
      moments: (slot) => ({ exp_avg: moment(slot), exp_avg_sq: moment(slot) }),
    });
  }

  async step(order: OptimizerStep): Promise<void> {
    this.groups.checkGradients();
    this.steps += 1;
    await Promise.all(this.groups.groups.map((group) => this.update(group, order)));
  }

  state(): ReturnType<Optimizer["state"]> {
    return { tensors: this.groups.state(), counters: { steps: this.steps } };
  }

  restore({ tensors, counters }: Parameters<Optimizer["restore"]>[0]): void {
    this.groups.restore(tensors);
    this.steps = counters.steps ?? 0;
  }

  describe(): string {
    const { betas, eps } = this.options;
    return `AdamW, betas ${betas.join(" and ")}, eps ${eps}, ${this.groups.describeDecay()}`;
  }

  private async update(group: SlotGroup<Moments>, { lr, gradScale }: OptimizerStep): Promise<void> {
    const { betas, eps } = this.options;
    const { entries, weightDecay } = group;
    const grads = entries.flatMap(({ slot }) => slot.storage.grad ?? []);
    try {
      await adamwUpdate(
        {
          weights: entries.map(({ slot }) => slot.storage),
          grads,
          expAvgs: entries.map(({ moments }) => moments.exp_avg),
          expAvgSqs: entries.map(({ moments }) => moments.exp_avg_sq),
        },
        { gradScale, lr: lr * group.lr, betas, eps, weightDecay, step: this.steps },
      );
    } finally {
      for (const grad of grads) grad.dispose();
    }
  }
}
