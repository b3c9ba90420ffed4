import { definePlugin, LATENTS, z } from "@hyfw/core";
import { pixelLatents } from "./pixel-latents.js";

export { pixelLatents } from "./pixel-latents.js";

/** Pixels as latents have no options. */
export const PixelOptions = z.strictObject({});

export default definePlugin({
  name: "latents-pixel",
  version: "0.1.0",
  core: "^0.1.0",
  options: PixelOptions,
  provides: [LATENTS],
  setup: ({ provide }) => provide(LATENTS, pixelLatents()),
});
