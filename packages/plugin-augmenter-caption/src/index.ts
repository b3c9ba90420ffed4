import { AUGMENTER, definePlugin } from "@hyfw/core";
import { caption } from "./caption.js";
import { CaptionOptions } from "./options.js";

export { caption } from "./caption.js";
export { goldenCases } from "./golden.js";
export { CaptionOptions, DEFAULT_CAPTION, TagTemplate } from "./options.js";

export default definePlugin({
  name: "augmenter-caption",
  version: "0.1.0",
  core: "^0.1.0",
  options: CaptionOptions,
  provides: [AUGMENTER],
  setup: ({ options, provide }) => provide(AUGMENTER, caption(options)),
});
