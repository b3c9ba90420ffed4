import { betasOption, DECAY_OPTIONS, z } from "@hyfw/core";

/** Options of AdamW with states of 8 bits (Dettmers et al. 2022, "8-bit optimizers via block-wise quantization"). */
export const Adamw8bitOptions = z
  .strictObject({
    betas: betasOption(
      [0.9, 0.999],
      "Decay of the running means of gradients and of their squares, per step.",
    ),
    eps: z
      .number()
      .positive()
      .default(1e-8)
      .describe("Added to the root of the mean square, against division by 0."),
    leastNumbers: z
      .number()
      .int()
      .min(0)
      .default(4096)
      .describe(
        "Tensors with fewer numbers keep float32 states: they weigh little and are the more delicate.",
      ),
    ...DECAY_OPTIONS,
  })
  .describe(
    "AdamW whose two states take 8 bits per number each, in blocks of 256 with a scale of their own.",
  );

/** What a person's settings become: nothing missing. */
export type Adamw8bitOptions = z.output<typeof Adamw8bitOptions>;
