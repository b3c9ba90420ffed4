import { AUGMENTER, definePlugin } from "@hyfw/core";
import { CaptionChoiceOptions, chooseCaption } from "./choose-caption.js";

export { CaptionChoiceOptions, chooseCaption, DEFAULT_CAPTION } from "./choose-caption.js";

export default definePlugin({
  name: "augmenter-caption-choice",
  version: "0.1.0",
  core: "^0.1.0",
  options: CaptionChoiceOptions,
  provides: [AUGMENTER],
  setup: ({ options, provide }) => provide(AUGMENTER, chooseCaption(options)),
});
