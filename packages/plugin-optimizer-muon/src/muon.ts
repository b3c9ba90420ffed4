import { type Optimizer, type OptimizerStep, type ParameterSlot, patternOf } from "@hyfw/core";
import { adamwUpdate, noGrad, stack, type Tensor, tidy, zeros } from "@hyfw/native";
import { copyState } from "@hyfw/nn";
import { gradientMissing, matricesNone, stateDiffers } from "./errors.js";
import type { MuonOptions } from "./options.js";
import { orthogonalised } from "./orthogonal.js";

/** The root mean square of AdamW's usual updates: with it both take the same learning rate (Liu et al. 2025, eq. 4). */
const UPDATE_RMS = 0.2;

/** Matrices of one shape, updated as one stack. */
interface Stack {
  readonly slots: readonly ParameterSlot[];
  /** Running sums [n, rows, columns], and each of them under its own address. */
  readonly momentum: Tensor;
  readonly views: readonly Tensor[];
}

/** One parameter that AdamW updates. */
interface Entry {
  readonly slot: ParameterSlot;
  readonly expAvg: Tensor;
  readonly expAvgSq: Tensor;
}

/**
 * Muon over the matrices, AdamW over everything else:
 *
 *     g ← gradScale·grad;  m ← μ·m + g;  u ← orthogonal(g + μ·m)
 *     w ← w·(1 − lr·weightDecay) − lr·0.2·√max(rows, columns)·u
 *
 * State is float32 on the parameter's device: 4 bytes per number of a matrix, 8 for the others.
 */
export class Muon implements Optimizer {
  private readonly stacks: readonly Stack[];
  private readonly entries: readonly Entry[];
  private steps = 0;

  /** @throws HYFW_MUON_MATRICES */
  constructor(
    private readonly parameters: readonly ParameterSlot[],
    private readonly options: MuonOptions,
  ) {
    const excluded = options.exclude.map(patternOf);
    const isMatrix = ({ name, shape, decays }: ParameterSlot): boolean =>
      shape.length === 2 && decays && !excluded.some((pattern) => pattern.test(name));
    this.stacks = byShape(parameters.filter(isMatrix));
    if (this.stacks.length === 0) throw matricesNone(parameters.length, parameters[0]?.name);
    const moment = ({ shape, storage }: ParameterSlot): Tensor =>
      zeros(shape, { device: storage.device }).keep();
    this.entries = parameters
      .filter((slot) => !isMatrix(slot))
      .map((slot) => ({ slot, expAvg: moment(slot), expAvgSq: moment(slot) }));
  }

  async step(order: OptimizerStep): Promise<void> {
    const missing = this.parameters.filter(({ storage }) => tidy(() => storage.grad === undefined));
    if (missing.length > 0)
      throw gradientMissing(
        missing.map(({ name }) => name),
        this.parameters.length,
      );
    this.steps += 1;
    for (const one of this.stacks) tidy(() => noGrad(() => this.updateMatrices(one, order)));
    await this.updateOthers(order);
  }

  state(): ReturnType<Optimizer["state"]> {
    const tensors: Record<string, Tensor> = {};
    for (const { slots, views } of this.stacks)
      for (const [index, { name }] of slots.entries()) {
        const view = views[index];
        if (view !== undefined) tensors[`${name}.momentum`] = view;
      }
    for (const { slot, expAvg, expAvgSq } of this.entries) {
      tensors[`${slot.name}.exp_avg`] = expAvg;
      tensors[`${slot.name}.exp_avg_sq`] = expAvgSq;
    }
    return { tensors, counters: { steps: this.steps } };
  }

  restore({ tensors, counters }: Parameters<Optimizer["restore"]>[0]): void {
    copyState(this.state().tensors, tensors, stateDiffers);
    this.steps = counters.steps ?? 0;
  }

  /** The stacks behind the addresses that `state()` gives. */
  dispose(): void {
    for (const { momentum } of this.stacks) momentum.dispose();
  }

  describe(): string {
    const { momentum, iterations, weightDecay } = this.options;
    const matrices = this.stacks.reduce((sum, { slots }) => sum + slots.length, 0);
    const decay = weightDecay === 0 ? "no weight decay" : `weight decay ${weightDecay}`;
    return `Muon on ${matrices} matrices (momentum ${momentum}, ${iterations} iterations), AdamW on ${this.entries.length} tensors, ${decay}`;
  }

  private updateMatrices({ slots, momentum }: Stack, { lr, gradScale }: OptimizerStep): void {
    const { momentum: decay, iterations, weightDecay } = this.options;
    const grads = stack(
      slots.flatMap(({ storage }) => storage.grad ?? []),
      0,
    ).mul(gradScale);
    momentum.mul_(decay).add_(grads);
    const direction = orthogonalised(grads.add(momentum.mul(decay)), iterations);
    const [, rows = 0, columns = 0] = momentum.shape;
    const update = direction.mul(-lr * UPDATE_RMS * Math.sqrt(Math.max(rows, columns)));
    for (const [index, { storage }] of slots.entries()) {
      const weight = storage.detach();
      if (weightDecay > 0) weight.mul_(1 - lr * weightDecay);
      weight.add_(update.select(0, index));
    }
  }

  private async updateOthers({ lr, gradScale }: OptimizerStep): Promise<void> {
    const { adamLr, betas, eps, weightDecay } = this.options;
    for (const decays of [true, false]) {
      const entries = this.entries.filter(({ slot }) => slot.decays === decays);
      if (entries.length === 0) continue;
      const grads = entries.flatMap(({ slot }) => slot.storage.grad ?? []);
      try {
        await adamwUpdate(
          {
            weights: entries.map(({ slot }) => slot.storage),
            grads,
            expAvgs: entries.map(({ expAvg }) => expAvg),
            expAvgSqs: entries.map(({ expAvgSq }) => expAvgSq),
          },
          {
            gradScale,
            lr: lr * adamLr,
            betas,
            eps,
            weightDecay: decays ? weightDecay : 0,
            step: this.steps,
          },
        );
      } finally {
        for (const grad of grads) grad.dispose();
      }
    }
  }
}

function byShape(slots: readonly ParameterSlot[]): Stack[] {
  const groups = new Map<string, ParameterSlot[]>();
  for (const slot of slots) {
    const key = `${slot.shape.join()} ${slot.storage.device}`;
    groups.set(key, [...(groups.get(key) ?? []), slot]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [ParameterSlot];
    const momentum = zeros([group.length, ...first.shape], { device: first.storage.device }).keep();
    return { slots: group, momentum, views: group.map((_, index) => momentum.select(0, index).keep()) };
  });
}
