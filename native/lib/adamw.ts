import { noGrad } from "./autograd.js";
import { callOpAsync } from "./call-op.js";
import type { Tensor } from "./tensor.js";

/** What one AdamW update works on, array by array in the same order; all float32. */
export interface AdamwArrays {
  readonly weights: readonly Tensor[];
  readonly grads: readonly Tensor[];
  /** Running means of gradients. */
  readonly expAvgs: readonly Tensor[];
  /** Running means of their squares. */
  readonly expAvgSqs: readonly Tensor[];
}

/** The numbers of one AdamW update. */
export interface AdamwNumbers {
  /** Factor on every gradient; scalar on the arrays' device. */
  readonly gradScale: Tensor;
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** Number of this update, from 1. */
  readonly step: number;
}

/**
 * One AdamW update in place, of all arrays in one fused op on the native thread:
 *
 *     g ← gradScale·grad;  m ← β1·m + (1 − β1)·g;  v ← β2·v + (1 − β2)·g²
 *     w ← w·(1 − lr·weightDecay) − lr · (m / (1 − β1^t)) / (√(v / (1 − β2^t)) + eps)
 */
export async function adamwUpdate(arrays: AdamwArrays, numbers: AdamwNumbers): Promise<void> {
  const { weights, grads, expAvgs, expAvgSqs } = arrays;
  const { gradScale, lr, betas, eps, weightDecay, step } = numbers;
  const [beta1, beta2] = betas;
  await noGrad(() =>
    callOpAsync(
      "hyfw::adamw_",
      weights,
      grads,
      expAvgs,
      expAvgSqs,
      gradScale,
      lr,
      beta1,
      beta2,
      eps,
      weightDecay,
      step,
    ),
  );
}
