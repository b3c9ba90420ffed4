import { definePlugin, TEXT_ENCODER } from "@hyfw/core";
import { BertMt5Options } from "./options.js";

export { type GoldenCase, goldenCases, referenceEncoders } from "./golden.js";
export { BertMt5Options } from "./options.js";

export default definePlugin({
  name: "text-bert-mt5",
  version: "0.1.0",
  core: "^0.1.0",
  options: BertMt5Options,
  provides: [TEXT_ENCODER],
  setup: async ({ options, modelRoot, provide, onClose }) => {
    // Imported here, so that options can be listed and checked where the native addon is not built.
    const { frozenEncoders } = await import("./encoders.js");
    const { hook, close } = frozenEncoders(options, modelRoot);
    onClose("the text encoders", close);
    provide(TEXT_ENCODER, hook);
  },
});
