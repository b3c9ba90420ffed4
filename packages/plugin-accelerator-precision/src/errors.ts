import { defineError } from "@hyfw/core";

/** Half precision is asked for, which this version does not train in. */
export const fp16Refused = defineError("HYFW_PRECISION_SETTING_FP16", (setting: string) => ({
  summary: `${setting} asks for fp16, which needs loss scaling, and this version has none`,
  todo: "set plugins.accelerator-precision.dtype to bf16, which needs no scaling, or to fp32 (--no-fp16)",
}));
