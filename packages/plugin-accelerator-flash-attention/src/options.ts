import { z } from "@hyfw/core";

/** Options of the choice of attention. */
export const FlashAttentionOptions = z.strictObject({
  kernel: z
    .enum(["auto", "flash", "efficient", "cudnn", "math", "plain"])
    .default("auto")
    .describe(
      "Attention of all modules. auto lets libtorch choose by device, type and head size; flash, efficient, cudnn and math allow that one kernel only; plain writes it out in three operations, with memory for all scores.",
    )
    .meta({ flag: "--attention" }),
  useFlashAttn: z
    .boolean()
    .optional()
    .describe(
      "The official trainer's switch: true is kernel auto, which takes flash attention where it can; false is plain.",
    )
    .meta({ flag: "--use-flash-attn", negatedBy: "--no-flash-attn" }),
});

/** What a person's settings become: nothing missing. */
export type FlashAttentionOptions = z.output<typeof FlashAttentionOptions>;
