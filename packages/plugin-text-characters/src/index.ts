import { definePlugin, TEXT_ENCODER } from "@hyfw/core";
import { CharacterOptions } from "./options.js";

export { captionIds, type Numbering, type Units } from "./characters.js";
export { CharacterOptions } from "./options.js";

export default definePlugin({
  name: "text-characters",
  version: "0.1.0",
  core: "^0.1.0",
  options: CharacterOptions,
  provides: [TEXT_ENCODER],
  setup: async ({ options, provide }) => {
    // Imported here, so that options can be listed and checked where the native addon is not built.
    const { characterEncoders } = await import("./character-encoder.js");
    provide(TEXT_ENCODER, characterEncoders(options));
  },
});
