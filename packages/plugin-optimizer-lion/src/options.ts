import { betasOption, DECAY_OPTIONS, z } from "@hyfw/core";

/** Options of Lion (Chen et al. 2023, "Symbolic discovery of optimization algorithms"). */
export const LionOptions = z
  .strictObject({
    betas: betasOption(
      [0.9, 0.99],
      "Share of the running mean in the direction of a step, and decay of that mean, per step.",
    ),
    ...DECAY_OPTIONS,
  })
  .describe(
    "Lion: every number moves by the learning rate, by the sign of a running mean. It wants about a third to a tenth of AdamW's learning rate, and as much more weight decay.",
  );

/** What a person's settings become: nothing missing. */
export type LionOptions = z.output<typeof LionOptions>;
