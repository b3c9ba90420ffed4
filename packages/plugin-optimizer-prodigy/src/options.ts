import { betasOption, DECAY_OPTIONS, z } from "@hyfw/core";

/** Options of Prodigy (Mishchenko and Defazio 2023, "Prodigy: an expeditiously adaptive parameter-free learner"). */
export const ProdigyOptions = z
  .strictObject({
    betas: betasOption(
      [0.9, 0.999],
      "Decay of the running means of gradients and of their squares, per step; the estimate's own is the root of the second.",
    ),
    eps: z
      .number()
      .positive()
      .default(1e-8)
      .describe("Added to the root of the mean square, times the estimate, against division by 0."),
    d0: z.number().positive().default(1e-6).describe("First estimate of the step size; too small is safe."),
    dCoef: z.number().positive().default(1).describe("Factor on the estimate; 0.5 to 2 is usual."),
    growthRate: z
      .number()
      .min(1)
      .nullable()
      .default(null)
      .describe("Most that the estimate may grow in one step, as a factor; null for no limit."),
    ...DECAY_OPTIONS,
  })
  .describe(
    "AdamW that estimates its step size. train.lr is a factor on the estimate: set it to 1. Any schedule may lower it.",
  );

/** What a person's settings become: nothing missing. */
export type ProdigyOptions = z.output<typeof ProdigyOptions>;
