import { AUGMENTER, definePlugin } from "@hyfw/core";
import { cropFlip } from "./crop-flip.js";
import { CropFlipOptions } from "./options.js";

export { cropFlip } from "./crop-flip.js";
export { speaksOfSides } from "./directions.js";
export { CropFlipOptions } from "./options.js";

export default definePlugin({
  name: "augmenter-crop-flip",
  version: "0.1.0",
  core: "^0.1.0",
  options: CropFlipOptions,
  provides: [AUGMENTER],
  setup: ({ options, provide }) => provide(AUGMENTER, cropFlip(options)),
});
