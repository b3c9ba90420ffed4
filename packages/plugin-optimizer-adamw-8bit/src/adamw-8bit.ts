import type { Optimizer, OptimizerFacts, OptimizerStep, ParameterSlot } from "@hyfw/core";
import { type Entry, SlotGroups } from "@hyfw/core/optimizer";
import { callOp, type Tensor, tidy, zeros } from "@hyfw/native";
import type { Adamw8bitOptions } from "./options.js";
import { BLOCK, Codec } from "./quantised.js";

/** Running means in 8 bits. */
type Quantised = Readonly<
  Record<"exp_avg_codes" | "exp_avg_scales" | "exp_avg_sq_codes" | "exp_avg_sq_scales", Tensor>
>;
/** Running means of a tensor that is too small for that. */
type Plain = Readonly<Record<"exp_avg" | "exp_avg_sq", Tensor>>;
type Moments = Quantised | Plain;

/** Numbers that are updated at a time: the float32 copies of their states take as much. */
const PIECE = 2 ** 14 * BLOCK;

/** The numbers of one AdamW update. */
interface Rates {
  readonly gradScale: Tensor;
  readonly lr: number;
  readonly weightDecay: number;
}

/**
 * AdamW whose running means are kept in 8 bits, in blocks of 256 numbers (Dettmers et al. 2022): each step decodes them,
 *
 *     g ← gradScale·grad;  m ← β1·m + (1 − β1)·g;  v ← β2·v + (1 − β2)·g²
 *     w ← w·(1 − lr·weightDecay) − lr · (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + eps)
 *
 * and encodes them again by the dynamic code books of `code-book.ts`. State: 2 bytes per parameter and 8 per block of
 * 256, so 2.03; tensors below `leastNumbers` keep 8 bytes per parameter.
 */
export class Adamw8bit implements Optimizer {
  private readonly groups: SlotGroups<Moments>;
  /** By device: means of gradients have signs, means of squares have none. */
  private readonly codecs = new Map<string, { readonly mean: Codec; readonly square: Codec }>();
  private steps = 0;

  constructor(
    parameters: readonly ParameterSlot[],
    private readonly options: Adamw8bitOptions,
    facts: OptimizerFacts,
  ) {
    this.groups = new SlotGroups<Moments>(parameters, {
      ...facts,
      decay: options,
      moments: (slot) => this.momentsOf(slot),
    });
  }

  async step({ lr: rate, gradScale }: OptimizerStep): Promise<void> {
    this.groups.checkGradients();
    this.steps += 1;
    await this.groups.walk(rate, ({ entries, weights, grads, lr, weightDecay }) => {
      for (const [index, entry] of entries.entries()) {
        const [weight, grad] = [weights[index], grads[index]];
        if (weight !== undefined && grad !== undefined)
          this.update(entry, weight, grad, { gradScale, lr, weightDecay });
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

  dispose(): void {
    for (const { mean, square } of this.codecs.values()) {
      mean.dispose();
      square.dispose();
    }
    this.codecs.clear();
  }

  describe(): string {
    const { betas, eps } = this.options;
    const quantised = this.groups.entries.filter(({ slot }) => this.isQuantised(slot)).length;
    return `8-bit AdamW, betas ${betas.join(" and ")}, eps ${eps}, ${quantised} of ${this.groups.entries.length} tensors in 8 bits, ${this.groups.describeDecay()}`;
  }

  private isQuantised({ storage }: ParameterSlot): boolean {
    return storage.numel >= this.options.leastNumbers;
  }

  private momentsOf(slot: ParameterSlot): Moments {
    const { shape, storage } = slot;
    const { device } = storage;
    if (!this.isQuantised(slot))
      return { exp_avg: zeros(shape, { device }).keep(), exp_avg_sq: zeros(shape, { device }).keep() };
    const { mean, square } = this.codecFor(device);
    const [m, v] = [mean.zeros(shape, device), square.zeros(shape, device)];
    return {
      exp_avg_codes: m.codes,
      exp_avg_scales: m.scales,
      exp_avg_sq_codes: v.codes,
      exp_avg_sq_scales: v.scales,
    };
  }

  private codecFor(device: Tensor["device"]): { readonly mean: Codec; readonly square: Codec } {
    const known = this.codecs.get(device);
    if (known !== undefined) return known;
    const made = { mean: new Codec(true, device), square: new Codec(false, device) };
    this.codecs.set(device, made);
    return made;
  }

  private update({ moments }: Entry<Moments>, weight: Tensor, grad: Tensor, rates: Rates): void {
    if ("exp_avg" in moments) {
      this.apply(weight, grad, moments.exp_avg, moments.exp_avg_sq, rates);
      return;
    }
    const { mean, square } = this.codecFor(weight.device);
    const [weights, grads] = [weight.reshape([-1]), grad.reshape([-1])];
    for (let start = 0; start < weights.numel; start += PIECE) {
      const length = Math.min(PIECE, weights.numel - start);
      const part = (flat: Tensor): Tensor => flat.narrow(0, start, length);
      const scales = (all: Tensor): Tensor => all.narrow(0, start / BLOCK, Math.ceil(length / BLOCK));
      tidy(() => {
        const m = {
          codes: part(moments.exp_avg_codes.reshape([-1])),
          scales: scales(moments.exp_avg_scales),
        };
        const v = {
          codes: part(moments.exp_avg_sq_codes.reshape([-1])),
          scales: scales(moments.exp_avg_sq_scales),
        };
        const [expAvg, expAvgSq] = [mean.decode(m), square.decode(v)];
        this.apply(part(weights), part(grads), expAvg, expAvgSq, rates);
        mean.encode(expAvg, m);
        square.encode(expAvgSq, v);
      });
    }
  }

  /** One AdamW update in place. */
  private apply(weight: Tensor, grad: Tensor, m: Tensor, v: Tensor, rates: Rates): void {
    const { betas, eps } = this.options;
    const [beta1, beta2] = betas;
    const { gradScale, lr, weightDecay } = rates;
    const g = grad.mul(gradScale);
    m.mul_(beta1).add_(g, 1 - beta1);
    v.mul_(beta2);
    callOp("aten::addcmul_", v, g, g, { value: 1 - beta2 });
    const root = v
      .sqrt()
      .mul_(1 / Math.sqrt(1 - beta2 ** this.steps))
      .add_(eps);
    if (weightDecay > 0) weight.mul_(1 - lr * weightDecay);
    callOp("aten::addcdiv_", weight, m, root, { value: -lr / (1 - beta1 ** this.steps) });
  }
}
