import type { Optimizer, OptimizerFacts, OptimizerStep, ParameterSlot } from "@hyfw/core";
import { foreach, SlotGroups } from "@hyfw/core/optimizer";
import { type Tensor, zeros } from "@hyfw/native";
import type { LionOptions } from "./options.js";

/**
 * Lion (Chen et al. 2023, program 1):
 *
 *     g ← gradScale·grad;  c ← β1·m + (1 − β1)·g
 *     w ← w·(1 − lr·weightDecay) − lr·sign(c);  m ← β2·m + (1 − β2)·g
 *
 * The mean is float32 on the parameter's device: 4 bytes per parameter.
 */
export class Lion implements Optimizer {
  private readonly groups: SlotGroups<{ readonly exp_avg: Tensor }>;
  private steps = 0;

  constructor(
    parameters: readonly ParameterSlot[],
    private readonly options: LionOptions,
    facts: OptimizerFacts,
  ) {
    this.groups = new SlotGroups(parameters, {
      ...facts,
      decay: options,
      moments: ({ shape, storage }) => ({ exp_avg: zeros(shape, { device: storage.device }).keep() }),
    });
  }

  async step({ lr: rate, gradScale }: OptimizerStep): Promise<void> {
    const [beta1, beta2] = this.options.betas;
    this.groups.checkGradients();
    this.steps += 1;
    await this.groups.walk(rate, ({ entries, weights, grads, lr, weightDecay }) => {
      const means = entries.map(({ moments }) => moments.exp_avg);
      const scaled = foreach("mul.Tensor", grads, gradScale);
      const signs = foreach("lerp.Scalar", means, scaled, 1 - beta1);
      foreach("sign_", signs);
      if (weightDecay > 0) foreach("mul_.Scalar", weights, 1 - lr * weightDecay);
      foreach("add_.List", weights, signs, { alpha: -lr });
      foreach("lerp_.Scalar", means, scaled, 1 - beta2);
    });
  }

  state(): ReturnType<Optimizer["state"]> {
    return { tensors: this.groups.state(), counters: { steps: this.steps } };
  }

  restore({ tensors, counters }: Parameters<Optimizer["restore"]>[0]): void {
    this.groups.restore(tensors);
    this.steps = counters.steps ?? 0;
  }

  describe(): string {
    return `Lion, betas ${this.options.betas.join(" and ")}, ${this.groups.describeDecay()}`;
  }
}
