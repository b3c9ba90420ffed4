import { z } from "@hyfw/core";

/** Options of AdamW (Loshchilov and Hutter 2019, "Decoupled weight decay regularization"). */
export const AdamwOptions = z.strictObject({
  betas: z
    .tuple([z.number().min(0).max(0.999999), z.number().min(0).max(0.999999)])
    .default([0.9, 0.999])
    .describe("Decay of the running means of gradients and of their squares, per step."),
  eps: z
    .number()
    .positive()
    .default(1e-8)
    .describe("Added to the root of the mean square, against division by 0."),
  weightDecay: z
    .number()
    .min(0)
    .default(0)
    .describe("Share of each decaying weight that a step takes away, times the learning rate.")
    .meta({ flag: "--weight-decay" }),
  decayAll: z
    .boolean()
    .default(false)
    .describe("Whether norms, biases and embeddings decay too, as in the official trainer."),
});

/** What a person's settings become: nothing missing. */
export type AdamwOptions = z.output<typeof AdamwOptions>;
