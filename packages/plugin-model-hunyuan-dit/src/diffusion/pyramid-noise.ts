import type { DiceKey } from "@hyfw/core";
import { callTensorOp, type DeviceName, keyedNormal, type Tensor } from "@hyfw/native";

/** What pyramid noise is made of. */
export interface PyramidFacts {
  /** Strength of each level as a share of the one before. */
  readonly discount: number;
  /** Keys of a level, from 1, one per sample. */
  keys(level: number): readonly DiceKey[];
  readonly device: DeviceName;
}

/**
 * Noise with coarse parts in it (Whitaker 2023, "Multi-resolution noise for diffusion model training"): to each level's
 * normal numbers, half as many on a side as the level before and enlarged bilinearly, times discount^level; then divided
 * by its spread, sample by sample.
 * @param noise normal, [B, C, H, W]
 */
export function pyramidNoise(noise: Tensor, { discount, keys, device }: PyramidFacts): Tensor {
  const [, channels = 0, height = 0, width = 0] = noise.shape;
  let sum = noise;
  for (let level = 1, side = 2; side <= Math.max(height, width); level++, side *= 2) {
    const [h, w] = [Math.ceil(height / side), Math.ceil(width / side)];
    const coarse = keyedNormal([...keys(level)], [channels, h, w], { device });
    const large = callTensorOp("aten::upsample_bilinear2d", coarse, [height, width], false);
    sum = sum.add(large, discount ** level);
  }
  const spread = sum
    .sub(sum.mean([1, 2, 3], true))
    .square()
    .mean([1, 2, 3], true)
    .sqrt();
  return sum.div(spread);
}
