import { definePlugin, LATENTS, z } from "@hyfw/core";
import { pixelLatents } from "./pixel-latents.js";

export { pixelLatents } from "./pixel-latents.js";

/** Options of pixels as latents. */
export const PixelOptions = z
  .strictObject({
    cellSize: z
      .number()
      .int()
      .min(1)
      .max(16)
      .default(1)
      .describe(
        "Pixels per cell on each side. 2 gives the model a quarter of the tokens, each with four times the values.",
      ),
  })
  .describe("Pixels as latents, for small models from scratch.");

export default definePlugin({
  name: "latents-pixel",
  version: "0.1.0",
  core: "^0.1.0",
  options: PixelOptions,
  provides: [LATENTS],
  setup: ({ options, provide }) => provide(LATENTS, pixelLatents(options.cellSize)),
});
