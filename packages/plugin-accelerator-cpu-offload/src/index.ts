import { ACCELERATOR, definePlugin } from "@hyfw/core";
import { CpuOffloadOptions } from "./options.js";

export { CpuOffloadOptions } from "./options.js";

export default definePlugin({
  name: "accelerator-cpu-offload",
  version: "0.1.0",
  core: "^0.1.0",
  options: CpuOffloadOptions,
  provides: [ACCELERATOR],
  setup: async ({ options, provide, onClose }) => {
    if (!options.enabled) return;
    // Settings must be readable without the native addon; only a run needs it.
    const { CpuOffload } = await import("./cpu-offload.js");
    const offload = new CpuOffload(options);
    onClose("weights in host memory", () => offload.dispose());
    provide(ACCELERATOR, offload);
  },
});
