import { betasOption, DECAY_OPTIONS, z } from "@hyfw/core";

/** Options of AdamW (Loshchilov and Hutter 2019, "Decoupled weight decay regularization"). */
export const AdamwOptions = z.strictObject({
  betas: betasOption([0.9, 0.999], "Decay of the running means of gradients and of their squares, per step."),
  eps: z
    .number()
    .positive()
    .default(1e-8)
    .describe("Added to the root of the mean square, against division by 0."),
  ...DECAY_OPTIONS,
});

/** What a person's settings become: nothing missing. */
export type AdamwOptions = z.output<typeof AdamwOptions>;
