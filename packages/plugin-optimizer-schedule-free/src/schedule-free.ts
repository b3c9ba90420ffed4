import type { Optimizer, OptimizerFacts, OptimizerStep, ParameterSlot } from "@hyfw/core";
import { foreach, type Part, SlotGroups } from "@hyfw/core/optimizer";
import { noGrad, type Tensor, tidy, zeros } from "@hyfw/native";
import type { ScheduleFreeOptions } from "./options.js";

type Moments = Readonly<Record<"z" | "exp_avg_sq", Tensor>>;

/**
 * Schedule-free AdamW (Defazio et al. 2024, algorithm 1), with y the weights that are trained, z the steps' own and
 * x = (y − (1 − β1)·z) / β1 their average, which one draws and publishes with:
 *
 *     g ← gradScale·grad;  v ← β2·v + (1 − β2)·g²;  γ = lr·√(1 − β2^t)
 *     u = g / (√v + eps) + weightDecay·y;  c = γ² / Σγ²
 *     y ← (1 − c)·y + c·z − γ·(1 − β1·(1 − c))·u;  z ← z − γ·u
 *
 * The update of y is that of x ← (1 − c)·x + c·z and y = (1 − β1)·z + β1·x with x put in. z and v are float32 on the
 * parameter's device: 8 bytes per parameter; x takes 4 more while one draws or saves.
 */
export class ScheduleFreeAdamw implements Optimizer {
  private readonly groups: SlotGroups<Moments>;
  private steps = 0;
  /** Σγ² of the run's learning rate. */
  private rateSquares = 0;

  constructor(
    parameters: readonly ParameterSlot[],
    private readonly options: ScheduleFreeOptions,
    facts: OptimizerFacts,
  ) {
    const array = ({ shape, storage }: ParameterSlot): Tensor =>
      zeros(shape, { device: storage.device }).keep();
    this.groups = new SlotGroups<Moments>(parameters, {
      ...facts,
      decay: options,
      moments: (slot) => ({ z: array(slot), exp_avg_sq: array(slot) }),
    });
  }

  async step({ lr: rate, gradScale }: OptimizerStep): Promise<void> {
    this.groups.checkGradients();
    if (this.steps === 0) this.start();
    this.steps += 1;
    const gamma = rate * Math.sqrt(1 - this.options.betas[1] ** this.steps);
    this.rateSquares += gamma ** 2;
    const share = this.rateSquares === 0 ? 1 : gamma ** 2 / this.rateSquares;
    // A group's factor on the rate is one on γ, and drops out of c.
    await this.groups.walk(gamma, (part) => this.update(part, gradScale, share));
  }

  averageOf(slot: ParameterSlot): Tensor {
    const [beta1] = this.options.betas;
    const entry = this.groups.entries.find((one) => one.slot === slot);
    const weights = slot.storage.detach();
    if (entry === undefined || this.steps === 0) return weights.clone();
    return tidy(() => noGrad(() => weights.sub(entry.moments.z.mul(1 - beta1)).div(beta1)));
  }

  state(): ReturnType<Optimizer["state"]> {
    const { steps, rateSquares } = this;
    return { tensors: this.groups.state(), counters: { steps, rateSquares } };
  }

  restore({ tensors, counters }: Parameters<Optimizer["restore"]>[0]): void {
    this.groups.restore(tensors);
    this.steps = counters.steps ?? 0;
    this.rateSquares = counters.rateSquares ?? 0;
  }

  describe(): string {
    const { betas, eps } = this.options;
    return `schedule-free AdamW, betas ${betas.join(" and ")}, eps ${eps}, ${this.groups.describeDecay()}; pictures and ema.safetensors have its averaged weights`;
  }

  /** z begins at the weights that training begins with, which may be loaded after the optimizer was made. */
  private start(): void {
    tidy(() =>
      noGrad(() => {
        for (const { slot, moments } of this.groups.entries) moments.z.copy_(slot.storage.detach());
      }),
    );
  }

  private update(
    { entries, weights, grads, lr: gamma, weightDecay }: Part<Moments>,
    gradScale: Tensor,
    share: number,
  ): void {
    const { betas, eps } = this.options;
    const [beta1, beta2] = betas;
    const z = entries.map(({ moments }) => moments.z);
    const squares = entries.map(({ moments }) => moments.exp_avg_sq);
    const scaled = foreach("mul.Tensor", grads, gradScale);
    foreach("mul_.Scalar", squares, beta2);
    foreach("addcmul_.Scalar", squares, scaled, scaled, 1 - beta2);
    const roots = foreach("sqrt", squares);
    foreach("add_.Scalar", roots, eps);
    const update = foreach("div.List", scaled, roots);
    if (weightDecay > 0) foreach("add_.List", update, weights, { alpha: weightDecay });
    foreach("lerp_.Scalar", weights, z, share);
    foreach("add_.List", weights, update, { alpha: -gamma * (1 - beta1 * (1 - share)) });
    foreach("add_.List", z, update, { alpha: -gamma });
  }
}
