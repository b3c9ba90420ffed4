import { definePlugin, OPTIMIZER } from "@hyfw/core";
import { LionOptions } from "./options.js";

export { LionOptions } from "./options.js";

export default definePlugin({
  name: "optimizer-lion",
  version: "0.1.0",
  core: "^0.1.0",
  options: LionOptions,
  provides: [OPTIMIZER],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Lion } = await import("./lion.js");
    provide(OPTIMIZER, {
      name: "Lion",
      takesRules: true,
      create: (parameters, facts) => new Lion(parameters, options, facts),
    });
  },
});
