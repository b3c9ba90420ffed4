import { betasOption, DECAY_OPTIONS, z } from "@hyfw/core";

/** Options of schedule-free AdamW (Defazio et al. 2024, "The road less scheduled"). */
export const ScheduleFreeOptions = z
  .strictObject({
    betas: betasOption(
      [0.9, 0.999],
      "Share of the average in the weights that gradients are taken at, more than 0, and decay of the running mean of squared gradients.",
    ).refine(([beta1]) => beta1 > 0, { message: "a first number above 0" }),
    eps: z
      .number()
      .positive()
      .default(1e-8)
      .describe("Added to the root of the mean square, against division by 0."),
    ...DECAY_OPTIONS,
  })
  .describe(
    "AdamW that draws and publishes with an average of its weights instead of lowering the learning rate: train.lrSchedule constant, with warm-up, and no train.ema.",
  );

/** What a person's settings become: nothing missing. */
export type ScheduleFreeOptions = z.output<typeof ScheduleFreeOptions>;
