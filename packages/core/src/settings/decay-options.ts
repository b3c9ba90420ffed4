import { z } from "zod";

/** Options of weight decay, the same in every optimizer plugin. */
export const DECAY_OPTIONS = {
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
};

/** A pair of decays of running means, per step. */
export function betasOption(usual: readonly [number, number], what: string) {
  const beta = z.number().min(0).max(0.999999);
  return z
    .tuple([beta, beta])
    .default([...usual])
    .describe(what);
}
