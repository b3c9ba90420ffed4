import {
  type Optimizer,
  type OptimizerFacts,
  type OptimizerStep,
  type ParameterSlot,
  patternOf,
} from "@hyfw/core";
import { checkGradients, copyState, SlotGroups } from "@hyfw/core/optimizer";
import { adamwUpdate, noGrad, stack, type Tensor, tidy, zeros } from "@hyfw/native";
import { matricesNone } from "./errors.js";
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
  /** Learning rate of each matrix as a multiple of the run's, and its weight decay. */
  readonly rules: readonly { readonly lr: number; readonly weightDecay: number }[];
}

type Moments = Readonly<Record<"exp_avg" | "exp_avg_sq", Tensor>>;

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
  private readonly others: SlotGroups<Moments>;
  private steps = 0;

  /** @throws HYFW_MUON_MATRICES */
  constructor(
    private readonly parameters: readonly ParameterSlot[],
    private readonly options: MuonOptions,
    facts: OptimizerFacts,
  ) {
    const excluded = options.exclude.map(patternOf);
    const isMatrix = ({ name, shape, decays }: ParameterSlot): boolean =>
      shape.length === 2 && decays && !excluded.some((pattern) => pattern.test(name));
    const { weightDecay } = options;
    this.stacks = byShape(parameters.filter(isMatrix), (slot) => ({ weightDecay, ...facts.ruleOf(slot) }));
    if (this.stacks.length === 0) throw matricesNone(parameters.length, parameters[0]?.name);
    const moment = ({ shape, storage }: ParameterSlot): Tensor =>
      zeros(shape, { device: storage.device }).keep();
    this.others = new SlotGroups<Moments>(
      parameters.filter((slot) => !isMatrix(slot)),
      {
        ...facts,
        decay: { weightDecay, decayAll: false },
        moments: (slot) => ({ exp_avg: moment(slot), exp_avg_sq: moment(slot) }),
      },
    );
  }

  async step(order: OptimizerStep): Promise<void> {
    checkGradients(this.parameters);
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
    Object.assign(tensors, this.others.state());
    return { tensors, counters: { steps: this.steps } };
  }

  restore({ tensors, counters }: Parameters<Optimizer["restore"]>[0]): void {
    copyState(this.state().tensors, tensors);
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
    return `Muon on ${matrices} matrices (momentum ${momentum}, ${iterations} iterations), AdamW on ${this.others.entries.length} tensors, ${decay}`;
  }

  private updateMatrices({ slots, momentum, rules }: Stack, { lr, gradScale }: OptimizerStep): void {
    const { momentum: decay, iterations } = this.options;
    const grads = stack(
      slots.flatMap(({ storage }) => storage.grad ?? []),
      0,
    ).mul(gradScale);
    momentum.mul_(decay).add_(grads);
    const direction = orthogonalised(grads.add(momentum.mul(decay)), iterations);
    const [, rows = 0, columns = 0] = momentum.shape;
    const update = direction.mul(-lr * UPDATE_RMS * Math.sqrt(Math.max(rows, columns)));
    for (const [index, { storage }] of slots.entries()) {
      const { lr: factor, weightDecay } = rules[index] ?? { lr: 1, weightDecay: 0 };
      const weight = storage.detach();
      if (weightDecay > 0) weight.mul_(1 - lr * factor * weightDecay);
      weight.add_(update.select(0, index), factor);
    }
  }

  private async updateOthers({ lr, gradScale }: OptimizerStep): Promise<void> {
    const { adamLr, betas, eps } = this.options;
    for (const { entries, lr: factor, weightDecay } of this.others.groups) {
      const grads = entries.flatMap(({ slot }) => slot.storage.grad ?? []);
      try {
        await adamwUpdate(
          {
            weights: entries.map(({ slot }) => slot.storage),
            grads,
            expAvgs: entries.map(({ moments }) => moments.exp_avg),
            expAvgSqs: entries.map(({ moments }) => moments.exp_avg_sq),
          },
          { gradScale, lr: lr * factor * adamLr, betas, eps, weightDecay, step: this.steps },
        );
      } finally {
        for (const grad of grads) grad.dispose();
      }
    }
  }
}

function byShape(
  slots: readonly ParameterSlot[],
  ruleOf: (slot: ParameterSlot) => Stack["rules"][number],
): Stack[] {
  const groups = new Map<string, ParameterSlot[]>();
  for (const slot of slots) {
    const key = `${slot.shape.join()} ${slot.storage.device}`;
    groups.set(key, [...(groups.get(key) ?? []), slot]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [ParameterSlot];
    const momentum = zeros([group.length, ...first.shape], { device: first.storage.device }).keep();
    const views = group.map((_, index) => momentum.select(0, index).keep());
    return { slots: group, momentum, views, rules: group.map(ruleOf) };
  });
}
