import { z } from "zod";

/** Settings that the learning rate follows; part of `train`. */
export const LR_SETTINGS = {
  lr: z
    .number()
    .positive()
    .default(1e-4)
    .describe("Learning rate per optimizer step, after warm-up.")
    .meta({ flag: "--lr" }),
  lrSchedule: z
    .enum(["constant", "linear", "cosine", "polynomial", "cosine_with_restarts"])
    .default("constant")
    .describe("How the learning rate goes from lr to minLr between warm-up and the last step.")
    .meta({ flag: "--lr-schedule" }),
  minLr: z
    .number()
    .min(0)
    .default(0)
    .describe("Learning rate at the last step of every schedule but the constant one; at most lr.")
    .meta({ flag: "--min-lr" }),
  lrPower: z
    .number()
    .positive()
    .default(2)
    .describe("Exponent of the polynomial schedule: 1 is a line, more falls earlier.")
    .meta({ flag: "--lr-power" }),
  lrCycles: z
    .number()
    .int()
    .min(1)
    .default(2)
    .describe("Times that cosine_with_restarts goes from lr to minLr.")
    .meta({ flag: "--lr-cycles" }),
  lrScaling: z
    .enum(["none", "linear", "sqrt"])
    .default("none")
    .describe(
      "Whether lr follows the samples of an optimizer step, over all processes: times samples / lrScalingBase, or the root of that.",
    )
    .meta({ flag: "--lr-scaling" }),
  lrScalingBase: z
    .number()
    .int()
    .min(1)
    .default(256)
    .describe("Samples per optimizer step that lr is meant for, where lrScaling is linear or sqrt.")
    .meta({ flag: "--lr-scaling-base" }),
  warmupSteps: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("Optimizer steps over which the learning rate grows to lr.")
    .meta({ flag: "--warmup-num-steps" }),
  warmupMinLr: z
    .number()
    .min(0)
    .default(1e-6)
    .describe("Learning rate that warm-up starts from.")
    .meta({ flag: "--warmup-min-lr" }),
  warmupForm: z
    .enum(["log", "linear", "legacy"])
    .default("log")
    .describe(
      "How warm-up grows: with the logarithm of the step, on a line, or legacy: as log, with the first step at the full rate as in the official trainer.",
    )
    .meta({ flag: "--warmup-form" }),
};

const LrSettings = z.object(LR_SETTINGS);

/** The settings that the learning rate follows. */
export type LrSettings = z.output<typeof LrSettings>;

/** Values that are fine one by one and not together, each with what is expected. */
export function lrContradictions({
  lr,
  lrSchedule,
  minLr,
  warmupSteps,
  warmupMinLr,
}: LrSettings): { readonly setting: keyof LrSettings; readonly message: string }[] {
  const found: ReturnType<typeof lrContradictions> = [];
  if (lrSchedule !== "constant" && minLr > lr)
    found.push({ setting: "minLr", message: `at most lr, which is ${lr}` });
  if (warmupSteps > 0 && warmupMinLr > lr)
    found.push({ setting: "warmupMinLr", message: `at most lr, which is ${lr}` });
  return found;
}
