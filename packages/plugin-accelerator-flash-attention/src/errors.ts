import { defineError } from "@hyfw/core";

/** The wanted kernel of attention does not take this device, type or head size. */
export const kernelUnfit = defineError(
  "HYFW_ATTENTION_SETTING_KERNEL",
  (kernel: string, facts: { device: string; dtype: string; headSize: number }, choice: string) => ({
    summary: `attention by ${kernel} is asked for, and libtorch has none for heads of ${facts.headSize} in ${facts.dtype} on ${facts.device}`,
    where: { "libtorch's choice": choice },
    todo: "set plugins.accelerator-flash-attention.kernel to auto (--attention auto)",
  }),
);
