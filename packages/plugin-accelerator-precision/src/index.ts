import { ACCELERATOR, definePlugin } from "@hyfw/core";
import { PrecisionOptions } from "./options.js";

export { LossScaler, SCALE_RULES, type ScaleRules } from "./loss-scaler.js";
export { PrecisionOptions } from "./options.js";

export default definePlugin({
  name: "accelerator-precision",
  version: "0.1.0",
  core: "^0.1.0",
  options: PrecisionOptions,
  provides: [ACCELERATOR],
  setup: async ({ options: { dtype, fp16, lossScale }, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Precision } = await import("./precision.js");
    const chosen = fp16 === undefined ? dtype : fp16 ? "fp16" : "fp32";
    provide(ACCELERATOR, new Precision(chosen, lossScale));
  },
});
