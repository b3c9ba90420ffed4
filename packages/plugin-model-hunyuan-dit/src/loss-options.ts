import { z } from "@hyfw/core";
import { WEIGHT_NAMES } from "./diffusion/loss-weight.js";
import { TIMESTEPS } from "./diffusion/schedule.js";

const timestep = z
  .number()
  .int()
  .min(0)
  .max(TIMESTEPS - 1);

/** Options of what training draws and how errors weigh; part of the model's. */
export const LOSS_OPTIONS = {
  mseLossWeightType: z
    .string()
    .regex(
      WEIGHT_NAMES,
      'must be "constant", "debiased", "min_snr_" or "min_snr_exact_" and a number, or "velocity", perhaps with "_" and a number',
    )
    .default("constant")
    .describe(
      'Weight of the squared error: "constant"; "min_snr_5" for min(SNR, 5) / SNR as the official trainer has it for every predictType; "min_snr_exact_5" for the paper\'s weight of each; "debiased" for 1 / √SNR on the error of ε; "velocity" to weigh the error of x₀ or ε as that of the v they stand for, "velocity_5" at most 5 times. Any number may stand for 5.',
    )
    .meta({ flag: "--mse-loss-weight-type" }),
  noiseOffset: z
    .number()
    .nonnegative()
    .default(0)
    .describe("Strength of the noise that is constant over each channel and added to the noise.")
    .meta({ flag: "--noise-offset" }),
  pyramidNoise: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe(
      "Strength of ever coarser noise in the noise, each level this share of the finer one; 0 is none, 0.3 to 0.9 is usual. Not together with noiseOffset.",
    )
    .meta({ flag: "--pyramid-noise" }),
  timestepSampling: z
    .enum(["uniform", "logit_normal"])
    .default("uniform")
    .describe("How training draws timesteps: all alike, or with most in the middle.")
    .meta({ flag: "--timestep-sampling" }),
  timestepMean: z
    .number()
    .default(0)
    .describe("Middle of logit_normal: above 0 is more noise, below 0 less."),
  timestepStd: z.number().positive().default(1).describe("Spread of logit_normal."),
  timestepRange: z
    .tuple([timestep, timestep])
    .default([0, TIMESTEPS - 1])
    .describe("First and last timestep that training draws."),
  timestepWeights: z
    .array(z.number().nonnegative())
    .min(1)
    .max(TIMESTEPS)
    .default([1])
    .describe(
      "Factors on how often timesteps are drawn, for as many even bands: [1, 2, 1] draws the middle third twice as often.",
    ),
};

const LossOptions = z.object(LOSS_OPTIONS);

/** What a person's settings of the loss become. */
export type LossOptions = z.output<typeof LossOptions>;

/** Values that are fine one by one and not together, each with the option to change. */
export function lossContradictions(
  options: LossOptions,
): { readonly option: keyof LossOptions; readonly message: string }[] {
  const { timestepRange, timestepWeights, timestepSampling, timestepMean, timestepStd } = options;
  const [first, last] = timestepRange;
  const found: ReturnType<typeof lossContradictions> = [];
  if (first > last) found.push({ option: "timestepRange", message: "the first timestep, then the last" });
  const bands = timestepWeights.length;
  const bandOf = (t: number): number => Math.floor((t * bands) / TIMESTEPS);
  if (timestepWeights.slice(bandOf(first), bandOf(last) + 1).every((weight) => weight === 0))
    found.push({ option: "timestepWeights", message: "a weight above 0 within timestepRange" });
  if (options.noiseOffset > 0 && options.pyramidNoise > 0)
    found.push({ option: "pyramidNoise", message: "0, since noiseOffset is set: both add coarse noise" });
  if (timestepSampling === "uniform" && (timestepMean !== 0 || timestepStd !== 1))
    found.push({
      option: timestepMean !== 0 ? "timestepMean" : "timestepStd",
      message: "its default, since timestepSampling is uniform",
    });
  return found;
}
