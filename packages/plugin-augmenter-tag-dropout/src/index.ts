import { AUGMENTER, definePlugin } from "@hyfw/core";
import { dropTags } from "./drop-tags.js";
import { TagDropoutOptions } from "./options.js";

export { dropTags } from "./drop-tags.js";
export { TagDropoutOptions } from "./options.js";

export default definePlugin({
  name: "augmenter-tag-dropout",
  version: "0.1.0",
  core: "^0.1.0",
  options: TagDropoutOptions,
  provides: [AUGMENTER],
  setup: ({ options, provide }) => provide(AUGMENTER, dropTags(options)),
});
