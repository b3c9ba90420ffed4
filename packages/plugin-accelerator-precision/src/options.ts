import { z } from "@hyfw/core";

/** Options of the precision accelerator. */
export const PrecisionOptions = z.strictObject({
  dtype: z
    .enum(["auto", "fp32", "bf16", "fp16"])
    .default("auto")
    .describe(
      "Type that linear layers and convolutions compute in; weights stay float32. auto takes bf16 where the device has instructions for it, else fp32.",
    ),
  fp16: z
    .boolean()
    .optional()
    .describe("The official trainer's switch: false is dtype fp32; true is fp16 with loss scaling.")
    .meta({ flag: "--use-fp16", negatedBy: "--no-fp16" }),
  lossScale: z
    .enum(["usual", "legacy"])
    .default("usual")
    .describe(
      "How the loss scale of fp16 moves: usual starts at 2^16 and doubles after 2000 steps; legacy is the official trainer's, 2^15, 500 steps, and a second overflow before it is halved.",
    ),
});

/** What a person's settings become: nothing missing. */
export type PrecisionOptions = z.output<typeof PrecisionOptions>;
