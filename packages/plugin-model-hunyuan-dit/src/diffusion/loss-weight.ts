import type { PredictType } from "./predict.js";

/** Names of weights, with `<k>` for a number. */
export const WEIGHT_NAMES = /^(constant|debiased|min_snr(_exact)?_\d+(\.\d+)?)$/;

/**
 * The weight of the squared error as a function of SNR = ᾱ / (1 − ᾱ); `undefined` for a constant 1.
 *
 * - `min_snr_<k>`: min(SNR, k) / SNR whatever is predicted, as the official trainer has it.
 * - `min_snr_exact_<k>`: min(SNR, k) on the error of x₀ (Hang et al. 2023, section 3.4), so over SNR for ε and over
 *   SNR + 1 for v.
 * - `debiased`: 1 / √SNR on the error of ε (Yu et al. 2024, "Unmasking bias in diffusion model training"), so √SNR on
 *   that of x₀ and √SNR / (SNR + 1) on that of v.
 *
 * An error of ε is SNR times that of x₀, one of v SNR + 1 times.
 */
export function mseWeight(type: string, predictType: PredictType): ((snr: number) => number) | undefined {
  if (type === "constant") return undefined;
  const k = Number(type.slice(type.lastIndexOf("_") + 1));
  const ofLatents = { sample: () => 1, epsilon: (snr: number) => snr, v_prediction: (snr: number) => snr + 1 };
  if (type === "debiased") return (snr) => Math.sqrt(snr) / ofLatents[predictType](snr);
  if (type.startsWith("min_snr_exact_")) return (snr) => Math.min(snr, k) / ofLatents[predictType](snr);
  return (snr) => Math.min(snr, k) / snr;
}
