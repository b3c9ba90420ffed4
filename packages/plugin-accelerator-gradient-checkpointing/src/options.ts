import { z } from "@hyfw/core";

/** Options of gradient checkpointing. */
export const GradientCheckpointingOptions = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      "Whether blocks are run a second time in the backward pass instead of keeping what they computed.",
    )
    .meta({ flag: "--gradient-checkpointing", negatedBy: "--no-gradient-checkpointing" }),
  rate: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      "Share of the blocks that are run again, taken from the end: block i when i ≥ (1 - rate) · depth.",
    )
    .meta({ flag: "--gc-rate" }),
  mode: z
    .enum(["full", "selective"])
    .default("full")
    .describe(
      "full keeps only what a block read; selective also keeps what its linear layers and attention gave, and computes only norms, activations and sums again.",
    )
    .meta({ flag: "--gc-mode" }),
});

/** What a person's settings become: nothing missing. */
export type GradientCheckpointingOptions = z.output<typeof GradientCheckpointingOptions>;
