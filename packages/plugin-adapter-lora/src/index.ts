import { ADAPTER, definePlugin } from "@hyfw/core";
import { LoraOptions } from "./options.js";

export { LoraOptions } from "./options.js";

export default definePlugin({
  name: "adapter-lora",
  version: "0.1.0",
  core: "^0.1.0",
  options: LoraOptions,
  provides: [ADAPTER],
  setup: async ({ options, provide }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { Lora } = await import("./lora.js");
    provide(ADAPTER, new Lora(options));
  },
});
