import type { Optimizer, OptimizerFacts, OptimizerStep, ParameterSlot } from "@hyfw/core";
import { type Entry, SlotGroups } from "@hyfw/core/optimizer";
import { type Tensor, zeros } from "@hyfw/native";
import { stretchGiven } from "./errors.js";
import type { AdafactorOptions } from "./options.js";

/** Mean squares of a matrix by rows and columns, of everything else by number; and the mean of updates where there is one. */
type Moments = Squares & { readonly exp_avg?: Tensor };
type Squares = { readonly rows: Tensor; readonly columns: Tensor } | { readonly squares: Tensor };

/** The least root mean square of weights that steps follow (the paper's ε₂). */
const LEAST_WEIGHTS = 1e-3;

/**
 * Adafactor (Shazeer and Stern 2018, algorithms 4 and 5), a matrix being an array's first side by all the others:
 *
 *     g ← gradScale·grad;  β = 1 − t^−decayRate
 *     R ← β·R + (1 − β)·mean over columns of (g² + eps);  C ← β·C + (1 − β)·mean over rows of (g² + eps)
 *     V = R·Cᵀ / mean(R), or for what is no matrix V ← β·V + (1 − β)·(g² + eps)
 *     u = g / √V;  u ← u / max(1, rms(u) / clipThreshold);  m ← β1·m + (1 − β1)·u where β1 is set
 *     w ← w·(1 − lr·weightDecay) − lr·max(0.001, rms(w))·u, without that factor unless scaleByWeights
 *
 * State is float32 on the parameter's device: 4·(rows + columns) bytes of a matrix, 4 per number of everything else;
 * with β1 4 more per number.
 */
export class Adafactor implements Optimizer {
  private readonly groups: SlotGroups<Moments>;
  private steps = 0;

  /** @throws HYFW_ADAFACTOR_STRETCH */
  constructor(
    parameters: readonly ParameterSlot[],
    private readonly options: AdafactorOptions,
    facts: OptimizerFacts,
  ) {
    const stretch = parameters.find((slot) => "whole" in slot);
    if (stretch !== undefined) throw stretchGiven(stretch.name);
    this.groups = new SlotGroups<Moments>(parameters, {
      ...facts,
      decay: options,
      moments: (slot) => momentsOf(slot, options.beta1 > 0),
    });
  }

  async step({ lr: rate, gradScale }: OptimizerStep): Promise<void> {
    this.groups.checkGradients();
    this.steps += 1;
    await this.groups.walk(rate, ({ entries, weights, grads, lr, weightDecay }) => {
      for (const [index, entry] of entries.entries()) {
        const [weight, grad] = [weights[index], grads[index]];
        if (weight === undefined || grad === undefined) continue;
        const update = this.direction(entry, grad.mul(gradScale));
        const step = this.options.scaleByWeights ? rms(weight).clamp(LEAST_WEIGHTS, undefined).mul(lr) : lr;
        if (weightDecay > 0) weight.mul_(1 - lr * weightDecay);
        weight.add_(update.mul(step), -1);
      }
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
    const { beta1, decayRate, scaleByWeights } = this.options;
    const matrices = this.groups.entries.filter(({ slot }) => isMatrix(slot)).length;
    const mean = beta1 > 0 ? `, running mean ${beta1}` : "";
    const scale = scaleByWeights ? ", steps by the size of the weights" : "";
    return `Adafactor, ${matrices} of ${this.groups.entries.length} tensors by rows and columns, decay rate ${decayRate}${mean}${scale}, ${this.groups.describeDecay()}`;
  }

  /** Follows a gradient with the moments. @returns the clipped update, shaped as the parameter */
  private direction({ slot, moments }: Entry<Moments>, grad: Tensor): Tensor {
    const { decayRate, clipThreshold, eps, beta1 } = this.options;
    const beta = 1 - this.steps ** -decayRate;
    const follow = (mean: Tensor, now: Tensor): Tensor => mean.mul_(beta).add_(now, 1 - beta);
    const squares = grad.square().add(eps);
    let update: Tensor;
    if ("rows" in moments) {
      const [rows = 1] = slot.shape;
      const matrix = squares.reshape([rows, -1]);
      const byRow = follow(moments.rows, matrix.mean([1])).unsqueeze(1); // [rows, 1]
      const byColumn = follow(moments.columns, matrix.mean([0])).unsqueeze(0); // [1, columns]
      update = grad
        .reshape([rows, -1])
        .mul(byRow.div(byRow.mean()).rsqrt())
        .mul(byColumn.rsqrt())
        .reshape(slot.shape);
    } else update = grad.mul(follow(moments.squares, squares).rsqrt());
    update = update.div(rms(update).div(clipThreshold).clamp(1, undefined));
    return moments.exp_avg?.mul_(beta1).add_(update, 1 - beta1) ?? update;
  }
}

function momentsOf(slot: ParameterSlot, hasMean: boolean): Moments {
  const array = (shape: readonly number[]): Tensor => zeros(shape, { device: slot.storage.device }).keep();
  const [rows = 1, ...others] = slot.shape;
  const columns = others.reduce((product, side) => product * side, 1);
  const squares: Squares = isMatrix(slot)
    ? { rows: array([rows]), columns: array([columns]) }
    : { squares: array(slot.shape) };
  return { ...squares, ...(hasMean && { exp_avg: array(slot.shape) }) };
}

function isMatrix({ shape }: ParameterSlot): boolean {
  const [rows = 1, ...others] = shape;
  return rows > 1 && others.some((side) => side > 1);
}

function rms(tensor: Tensor): Tensor {
  return tensor.square().mean().sqrt();
}
