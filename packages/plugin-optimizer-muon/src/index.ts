import { definePlugin, OPTIMIZER } from "@hyfw/core";
import { MuonOptions } from "./options.js";

export { MuonOptions } from "./options.js";

export default definePlugin({
  name: "optimizer-muon",
  version: "0.1.0",
  core: "^0.1.0",
  options: MuonOptions,
  provides: [OPTIMIZER],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Muon } = await import("./muon.js");
    provide(OPTIMIZER, {
      name: "Muon",
      takesRules: true,
      create: (parameters, facts) => new Muon(parameters, options, facts),
    });
  },
});
