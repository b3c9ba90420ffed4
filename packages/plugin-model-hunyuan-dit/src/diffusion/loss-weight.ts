import type { PredictType } from "./predict.js";

/** Names of weights. */
export const WEIGHT_NAMES = /^(constant|debiased|min_snr(_exact)?_\d+(\.\d+)?|velocity(_\d+(\.\d+)?)?)$/;

/** What is predicted, as a multiple of the error of x₀: an error of ε is SNR times that, one of v SNR + 1 times. */
const PER_LATENTS: Readonly<Record<PredictType, (snr: number) => number>> = {
  sample: () => 1,
  epsilon: (snr) => snr,
  v_prediction: (snr) => snr + 1,
};

/**
 * The weight of the squared error as a function of SNR = ᾱ / (1 − ᾱ); `undefined` for a constant 1.
 *
 * - `min_snr_k`: min(SNR, k) / SNR whatever is predicted, as the official trainer has it.
 * - `min_snr_exact_k`: min(SNR, k) on the error of x₀ (Hang et al. 2023, section 3.4), so over SNR for ε and over SNR + 1
 *   for v.
 * - `debiased`: 1 / √SNR on the error of ε (Yu et al. 2024, "Unmasking bias in diffusion model training"), so √SNR on that
 *   of x₀ and √SNR / (SNR + 1) on that of v.
 * - `velocity`: any error as that of the v it stands for, 1 + SNR for x₀ and 1 + 1/SNR for ε (the "SNR + 1" weighting of
 *   Salimans & Ho 2022, section 4); with `_k` at most k, since both have a pole.
 */
export function mseWeight(type: string, predictType: PredictType): ((snr: number) => number) | undefined {
  if (type === "constant") return undefined;
  const [, bound = "Infinity"] = /_(\d.*)$/.exec(type) ?? [];
  const k = Number(bound);
  const perLatents = PER_LATENTS[predictType];
  if (type === "debiased") return (snr) => Math.sqrt(snr) / perLatents(snr);
  if (type.startsWith("min_snr_exact_")) return (snr) => Math.min(snr, k) / perLatents(snr);
  if (type.startsWith("min_snr_")) return (snr) => Math.min(snr, k) / snr;
  if (predictType === "v_prediction") return undefined;
  return (snr) => Math.min((1 + snr) / perLatents(snr), k);
}
