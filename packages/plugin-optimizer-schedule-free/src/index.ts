import { definePlugin, OPTIMIZER } from "@hyfw/core";
import { ScheduleFreeOptions } from "./options.js";

export { ScheduleFreeOptions } from "./options.js";

export default definePlugin({
  name: "optimizer-schedule-free",
  version: "0.1.0",
  core: "^0.1.0",
  options: ScheduleFreeOptions,
  provides: [OPTIMIZER],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { ScheduleFreeAdamw } = await import("./schedule-free.js");
    provide(OPTIMIZER, {
      name: "schedule-free AdamW",
      takesRules: true,
      create: (parameters, facts) => new ScheduleFreeAdamw(parameters, options, facts),
    });
  },
});
