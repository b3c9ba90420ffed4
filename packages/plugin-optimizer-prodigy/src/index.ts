import { definePlugin, OPTIMIZER } from "@hyfw/core";
import { ProdigyOptions } from "./options.js";

export { ProdigyOptions } from "./options.js";

export default definePlugin({
  name: "optimizer-prodigy",
  version: "0.1.0",
  core: "^0.1.0",
  options: ProdigyOptions,
  provides: [OPTIMIZER],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Prodigy } = await import("./prodigy.js");
    provide(OPTIMIZER, {
      name: "Prodigy",
      takesRules: true,
      seesAll: "estimates one step size from all parameters together",
      create: (parameters, facts) => new Prodigy(parameters, options, facts),
    });
  },
});
