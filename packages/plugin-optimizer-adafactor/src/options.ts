import { DECAY_OPTIONS, z } from "@hyfw/core";

/** Options of Adafactor (Shazeer and Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost"). */
export const AdafactorOptions = z
  .strictObject({
    decayRate: z
      .number()
      .min(0)
      .max(1)
      .default(0.8)
      .describe("How the decay of mean squares nears 1 with the steps t: 1 - t^-decayRate."),
    clipThreshold: z
      .number()
      .positive()
      .default(1)
      .describe("Root mean square of a tensor's update above which it is scaled down."),
    eps: z.number().positive().default(1e-30).describe("Added to every squared gradient."),
    scaleByWeights: z
      .boolean()
      .default(false)
      .describe(
        "Whether a tensor's step is a share of the root mean square of its weights, at least 0.001, as in the paper; train.lr is that share then, 0.01 in the paper.",
      ),
    beta1: z
      .number()
      .min(0)
      .max(0.999999)
      .default(0)
      .describe("Decay of a running mean of updates; 0 keeps none, and no memory for it."),
    ...DECAY_OPTIONS,
  })
  .describe(
    "Adafactor: mean squares of a matrix by its rows and columns, in place of one per number. The learning rate is the run's, with its schedule.",
  );

/** What a person's settings become: nothing missing. */
export type AdafactorOptions = z.output<typeof AdafactorOptions>;
