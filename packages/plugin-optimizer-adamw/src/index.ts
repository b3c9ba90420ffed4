import { definePlugin, OPTIMIZER } from "@hyfw/core";
import { AdamwOptions } from "./options.js";

export { AdamwOptions } from "./options.js";

export default definePlugin({
  name: "optimizer-adamw",
  version: "0.1.0",
  core: "^0.1.0",
  options: AdamwOptions,
  provides: [OPTIMIZER],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Adamw } = await import("./adamw.js");
    provide(OPTIMIZER, {
      name: "AdamW",
      takesRules: true,
      create: (parameters, facts) => new Adamw(parameters, options, facts),
    });
  },
});
