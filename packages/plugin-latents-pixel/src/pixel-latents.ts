import type { Latents } from "@hyfw/core";

/**
 * Pictures as they are: 3 channels, one cell a pixel, nothing drawn. For small models from scratch, where a VAE would
 * leave too few cells. Both directions give a second address of their input, so that either can be freed alone.
 */
export function pixelLatents(): Latents {
  return {
    channels: 3,
    cellSize: 1,
    encode: (images) => images.alias(),
    decode: (latents) => latents.alias(),
    describe: () => "pixels as they are, 3 channels",
  };
}
