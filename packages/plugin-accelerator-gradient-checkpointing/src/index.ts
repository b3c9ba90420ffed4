import { ACCELERATOR, definePlugin } from "@hyfw/core";
import { GradientCheckpointingOptions } from "./options.js";

export { GradientCheckpointingOptions } from "./options.js";

export default definePlugin({
  name: "accelerator-gradient-checkpointing",
  version: "0.1.0",
  core: "^0.1.0",
  options: GradientCheckpointingOptions,
  provides: [ACCELERATOR],
  setup: async ({ options, provide }) => {
    if (!options.enabled) return;
    // Settings must be readable without the native addon; only a run needs it.
    const { GradientCheckpointing } = await import("./gradient-checkpointing.js");
    provide(ACCELERATOR, new GradientCheckpointing(options));
  },
});
