import { definePlugin, OPTIMIZER } from "@hyfw/core";
import { AdafactorOptions } from "./options.js";

export { AdafactorOptions } from "./options.js";

export default definePlugin({
  name: "optimizer-adafactor",
  version: "0.1.0",
  core: "^0.1.0",
  options: AdafactorOptions,
  provides: [OPTIMIZER],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Adafactor } = await import("./adafactor.js");
    provide(OPTIMIZER, {
      name: "Adafactor",
      takesRules: true,
      create: (parameters, facts) => new Adafactor(parameters, options, facts),
    });
  },
});
