import { ACCELERATOR, definePlugin } from "@hyfw/core";
import { ZeroOptions } from "./options.js";

export { ZeroOptions } from "./options.js";

export default definePlugin({
  name: "accelerator-zero",
  version: "0.1.0",
  core: "^0.1.0",
  options: ZeroOptions,
  provides: [ACCELERATOR],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Zero } = await import("./zero.js");
    provide(ACCELERATOR, new Zero(options));
  },
});
