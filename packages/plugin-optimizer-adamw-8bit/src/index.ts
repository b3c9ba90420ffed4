import { definePlugin, OPTIMIZER } from "@hyfw/core";
import { Adamw8bitOptions } from "./options.js";

export { Adamw8bitOptions } from "./options.js";

export default definePlugin({
  name: "optimizer-adamw-8bit",
  version: "0.1.0",
  core: "^0.1.0",
  options: Adamw8bitOptions,
  provides: [OPTIMIZER],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Adamw8bit } = await import("./adamw-8bit.js");
    provide(OPTIMIZER, {
      name: "8-bit AdamW",
      takesRules: true,
      create: (parameters, facts) => new Adamw8bit(parameters, options, facts),
    });
  },
});
