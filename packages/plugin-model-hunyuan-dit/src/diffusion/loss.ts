import type { Tensor } from "@hyfw/native";
import { mseWeight } from "./loss-weight.js";
import { type AtTimesteps, type PredictType, target } from "./predict.js";
import { variationalBound } from "./variational-bound.js";

/** What the loss depends on beside the batch. */
export interface LossOptions {
  readonly predictType: PredictType;
  readonly learnSigma: boolean;
  /** As `mseWeight` takes it. */
  readonly mseLossWeightType: string;
}

/** What one micro-batch was made of. */
export interface Noised {
  /** x₀, [B, C, H, W], float32 */
  readonly latents: Tensor;
  /** ε with the noise offset in it. */
  readonly noise: Tensor;
  readonly xt: Tensor;
}

/** Losses per sample, each [B], with gradients to the network's output. */
export interface SampleLosses {
  readonly loss: Tensor;
  readonly mse: Tensor;
  /** There when sigma is learned. */
  readonly vb?: Tensor;
}

/**
 * Loss per sample: weight · mean squared error of the prediction, plus the variational bound when sigma is learned.
 * @param output the network's, float32 [B, C or 2C, H, W]; the second half holds variance values
 */
export function diffusionLoss(
  output: Tensor,
  { latents, noise, xt }: Noised,
  when: AtTimesteps,
  { predictType, learnSigma, mseLossWeightType }: LossOptions,
): SampleLosses {
  const channels = latents.shape[1] ?? 0;
  const prediction = learnSigma ? output.narrow(1, 0, channels) : output;
  const error = prediction
    .sub(target(predictType, latents, noise, when))
    .square()
    .mean([1, 2, 3]); // [B]
  const weight = mseWeight(mseLossWeightType, predictType);
  const mse = weight === undefined ? error : error.mul(when.of((t) => weight(snr(when, t))).reshape([-1]));
  if (!learnSigma) return { loss: mse, mse };
  const varianceValues = output.narrow(1, channels, channels);
  const vb = variationalBound({ predictType, latents, xt, prediction, varianceValues }, when);
  return { loss: mse.add(vb), mse, vb };
}

function snr({ schedule }: AtTimesteps, t: number): number {
  const bar = schedule.alphasCumprod[t] ?? 0;
  return bar / (1 - bar);
}
