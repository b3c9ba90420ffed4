import type { Latents } from "@hyfw/core";
import { callTensorOp, noGrad } from "@hyfw/native";

const COLOURS = 3;

/**
 * Pictures as they are, nothing learned and nothing drawn: for small models from scratch, where a VAE would leave too
 * few cells. A cell of n x n pixels keeps all its values as 3 n² channels (space to depth): n² times fewer tokens for
 * the model. Both directions give new addresses, so that input and output can be freed alone.
 * @param cellSize pixels per cell on each side; sides of pictures must be multiples of it
 */
export function pixelLatents(cellSize: number): Latents {
  const channels = COLOURS * cellSize ** 2;
  return {
    channels,
    cellSize,
    range: [-1, 1],
    encode: (images) =>
      cellSize === 1 ? images.alias() : noGrad(() => callTensorOp("aten::pixel_unshuffle", images, cellSize)),
    decode: (latents) =>
      cellSize === 1 ? latents.alias() : noGrad(() => callTensorOp("aten::pixel_shuffle", latents, cellSize)),
    describe: () =>
      cellSize === 1
        ? "pixels as they are, 3 channels"
        : `pixels as they are, cells of ${cellSize}x${cellSize}, ${channels} channels`,
  };
}
