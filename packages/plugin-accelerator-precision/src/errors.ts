import { defineError } from "@hyfw/core";

/** Gradients overflow float16 however small the loss is made. */
export const scaleAtMinimum = defineError("HYFW_PRECISION_SCALE", (scale: number) => ({
  summary: `gradients overflow float16 even with a loss scale of ${scale}, the smallest`,
  todo: "set plugins.accelerator-precision.dtype to bf16 or fp32, or lower train.lr",
}));
