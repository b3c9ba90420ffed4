import { AUGMENTER, definePlugin } from "@hyfw/core";
import { CropFlipOptions, cropFlip } from "./crop-flip.js";

export { CropFlipOptions, cropFlip } from "./crop-flip.js";

export default definePlugin({
  name: "augmenter-crop-flip",
  version: "0.1.0",
  core: "^0.1.0",
  options: CropFlipOptions,
  provides: [AUGMENTER],
  setup: ({ options, provide }) => provide(AUGMENTER, cropFlip(options)),
});
