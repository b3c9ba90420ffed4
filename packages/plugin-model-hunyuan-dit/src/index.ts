import { definePlugin, LATENTS, MODEL, TEXT_ENCODER } from "@hyfw/core";
import { textWidth } from "./errors.js";
import { HunyuanDitOptions } from "./options.js";

export { type GoldenCase, goldenCases, type PipelineParts } from "./golden.js";
export { HunyuanDitOptions } from "./options.js";

export default definePlugin({
  name: "model-hunyuan-dit",
  version: "0.1.0",
  core: "^0.1.0",
  options: HunyuanDitOptions,
  provides: [MODEL],
  needs: [LATENTS, TEXT_ENCODER],
  setup: async ({ options, need, provide }) => {
    const textEncoders = need(TEXT_ENCODER);
    if (textEncoders.textStatesDimT5 % 8 !== 0)
      throw textWidth(textEncoders.name, textEncoders.textStatesDimT5);
    // Imported here, so that options can be listed and checked where the native addon is not built.
    const { hunyuanDit } = await import("./model.js");
    provide(MODEL, hunyuanDit(options, { latents: need(LATENTS), textEncoders }));
  },
});
