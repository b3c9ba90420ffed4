import { ACCELERATOR, definePlugin } from "@hyfw/core";
import { FlashAttentionOptions } from "./options.js";

export { FlashAttentionOptions } from "./options.js";

export default definePlugin({
  name: "accelerator-flash-attention",
  version: "0.1.0",
  core: "^0.1.0",
  options: FlashAttentionOptions,
  provides: [ACCELERATOR],
  setup: async ({ options: { kernel, useFlashAttn }, provide, onClose }) => {
    // Settings must be readable without the native addon; only a run needs it.
    const { AttentionChoice } = await import("./attention-choice.js");
    const wanted = useFlashAttn === undefined ? kernel : useFlashAttn ? "auto" : "plain";
    const choice = new AttentionChoice(wanted);
    onClose("the choice of attention", () => choice.dispose());
    provide(ACCELERATOR, choice);
  },
});
