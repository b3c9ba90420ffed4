import type { Optimizer, OptimizerFacts, OptimizerStep, ParameterSlot } from "@hyfw/core";
import { foreach, type Part, SlotGroups } from "@hyfw/core/optimizer";
import { noGrad, stack, type Tensor, tidy, zeros } from "@hyfw/native";
import type { ProdigyOptions } from "./options.js";

type Moments = Readonly<Record<"exp_avg" | "exp_avg_sq" | "s" | "start", Tensor>>;

/**
 * Prodigy in its Adam form (Mishchenko and Defazio 2023, algorithm 4), with γ the learning rate, d the estimate and x₀
 * the weights that training began with:
 *
 *     g ← gradScale·grad;  m ← β1·m + (1 − β1)·d·g;  v ← β2·v + (1 − β2)·d²·g²
 *     r ← √β2·r + (1 − √β2)·γ·d²·⟨g, x₀ − x⟩;  s ← √β2·s + (1 − √β2)·γ·d²·g
 *     x ← x − γ·d·(m / (√v + d·eps) + weightDecay·x);  d ← max(d, dCoef·r / ‖s‖₁)
 *
 * r and ‖s‖₁ are over all parameters together. Four float32 arrays on the parameter's device: 16 bytes per parameter.
 */
export class Prodigy implements Optimizer {
  private readonly groups: SlotGroups<Moments>;
  private steps = 0;
  private d: number;
  private r = 0;

  constructor(
    parameters: readonly ParameterSlot[],
    private readonly options: ProdigyOptions,
    private readonly facts: OptimizerFacts,
  ) {
    const array = ({ shape, storage }: ParameterSlot): Tensor =>
      zeros(shape, { device: storage.device }).keep();
    this.d = options.d0;
    this.groups = new SlotGroups<Moments>(parameters, {
      ...facts,
      decay: options,
      moments: (slot) => ({
        exp_avg: array(slot),
        exp_avg_sq: array(slot),
        s: array(slot),
        start: array(slot),
      }),
    });
  }

  async step({ lr, gradScale }: OptimizerStep): Promise<void> {
    const { betas, dCoef, growthRate } = this.options;
    const beta3 = Math.sqrt(betas[1]);
    this.groups.checkGradients();
    if (this.steps === 0) this.start();
    this.steps += 1;
    const own = { gained: 0, absolute: 0 };
    await this.groups.walk(lr, (part) => {
      const { gained, absolute } = this.update(part, gradScale, beta3);
      own.gained += part.lr * gained;
      own.absolute += absolute;
    });
    const [gained = Number.NaN, absolute = Number.NaN] = await this.facts.sum([own.gained, own.absolute]);
    this.r = beta3 * this.r + (1 - beta3) * this.d ** 2 * gained;
    const estimate = absolute > 0 ? (dCoef * this.r) / absolute : this.d;
    this.d = Math.max(this.d, Math.min(estimate, this.d * (growthRate ?? Number.POSITIVE_INFINITY)));
  }

  state(): ReturnType<Optimizer["state"]> {
    const { steps, d, r } = this;
    return { tensors: this.groups.state(), counters: { steps, d, r } };
  }

  restore({ tensors, counters }: Parameters<Optimizer["restore"]>[0]): void {
    this.groups.restore(tensors);
    const { steps = 0, d = this.options.d0, r = 0 } = counters;
    Object.assign(this, { steps, d, r });
  }

  describe(): string {
    const { betas, d0 } = this.options;
    return `Prodigy, betas ${betas.join(" and ")}, first estimate ${d0}, ${this.groups.describeDecay()}; the learning rate is a factor on its estimate, 1 as a rule`;
  }

  /** x₀ is what training begins with, which may be loaded after the optimizer was made. */
  private start(): void {
    tidy(() =>
      noGrad(() => {
        for (const { slot, moments } of this.groups.entries) moments.start.copy_(slot.storage.detach());
      }),
    );
  }

  /** Moves the weights. @returns ⟨g, x₀ − x⟩ before the move, and ‖s‖₁ after it */
  private update(
    { entries, weights, grads, lr: gamma, weightDecay }: Part<Moments>,
    gradScale: Tensor,
    beta3: number,
  ): { gained: number; absolute: number } {
    const { betas, eps } = this.options;
    const [beta1, beta2] = betas;
    const { d } = this;
    const of = (name: keyof Moments): Tensor[] => entries.map(({ moments }) => moments[name]);
    const [means, squares, s] = [of("exp_avg"), of("exp_avg_sq"), of("s")];
    const scaled = foreach("mul.Tensor", grads, gradScale);
    const way = foreach("sub.List", of("start"), weights);
    const gained = sumOf(foreach("mul.List", scaled, way));
    foreach("mul_.Scalar", means, beta1);
    foreach("add_.List", means, scaled, { alpha: (1 - beta1) * d });
    foreach("mul_.Scalar", squares, beta2);
    foreach("addcmul_.Scalar", squares, scaled, scaled, (1 - beta2) * d ** 2);
    foreach("mul_.Scalar", s, beta3);
    foreach("add_.List", s, scaled, { alpha: (1 - beta3) * gamma * d ** 2 });
    const roots = foreach("sqrt", squares);
    foreach("add_.Scalar", roots, d * eps);
    if (weightDecay > 0) foreach("mul_.Scalar", weights, 1 - gamma * d * weightDecay);
    foreach("addcdiv_.Scalar", weights, means, roots, -gamma * d);
    return { gained, absolute: sumOf(foreach("abs", s)) };
  }
}

/** The sum over all arrays. */
function sumOf(tensors: readonly Tensor[]): number {
  return stack(
    tensors.map((tensor) => tensor.sum()),
    0,
  )
    .sum()
    .item();
}
