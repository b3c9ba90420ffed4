import type { Tensor } from "@hyfw/native";
import { type AtTimesteps, type PredictType, target } from "./predict.js";
import { variationalBound } from "./variational-bound.js";

/** What the loss depends on beside the batch. */
export interface LossOptions {
  readonly predictType: PredictType;
  readonly learnSigma: boolean;
  /** `constant`, `min_snr_<k>`, or `velocity` and perhaps `_<k>`. */
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

/**
 * The weight of the squared error as a function of SNR; `undefined` for a constant 1.
 *
 * - `min_snr_k` is min(SNR, k) / SNR for every prediction type (Hang et al. 2023 divide by SNR + 1 for v; the official
 *   trainer does not).
 * - `velocity` measures the error of any prediction as that of the v it stands for: 1 + SNR for x₀, 1 + 1/SNR for ε (the
 *   "SNR + 1" weighting of Salimans & Ho 2022, section 4); with `_k` at most k, since both have a pole.
 */
function mseWeight(type: string, predictType: PredictType): ((snr: number) => number) | undefined {
  if (type === "constant") return undefined;
  const [, bound = "Infinity"] = /_(\d.*)$/.exec(type) ?? [];
  const k = Number(bound);
  if (type.startsWith("min_snr_")) return (ratio) => Math.min(ratio, k) / ratio;
  if (predictType === "v_prediction") return undefined;
  const power = predictType === "sample" ? 1 : -1;
  return (ratio) => Math.min(1 + ratio ** power, k);
}

function snr({ schedule }: AtTimesteps, t: number): number {
  const bar = schedule.alphasCumprod[t] ?? 0;
  return bar / (1 - bar);
}
