import { ACCELERATOR, definePlugin } from "@hyfw/core";
import { fp16Refused } from "./errors.js";
import { PrecisionOptions } from "./options.js";

export { PrecisionOptions } from "./options.js";

export default definePlugin({
  name: "accelerator-precision",
  version: "0.1.0",
  core: "^0.1.0",
  options: PrecisionOptions,
  provides: [ACCELERATOR],
  setup: async ({ options: { dtype, fp16 }, provide }) => {
    if (dtype === "fp16") throw fp16Refused("plugins.accelerator-precision.dtype = fp16");
    if (fp16 === true) throw fp16Refused("--use-fp16 (plugins.accelerator-precision.fp16 = true)");
    // Settings must be readable without the native addon; only a run needs it.
    const { Precision } = await import("./precision.js");
    provide(ACCELERATOR, new Precision(fp16 === false ? "fp32" : dtype));
  },
});
