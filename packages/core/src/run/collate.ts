import { type DeviceName, fromTypedArray, imagesToBatch, type Tensor, tidy } from "@hyfw/native";
import { collateShapes } from "../errors/training.js";
import type { Sample } from "../hooks/augmenter.js";
import type { Resolution } from "../hooks/dataset.js";

/** Checks that all samples have the unit's resolution. @throws HYFW_COLLATE_SHAPES naming two rows that differ */
export function checkShapes(samples: readonly Sample[], resolution: Resolution): void {
  const fits = ({ geometry }: Sample): boolean =>
    geometry.resolution.height === resolution.height && geometry.resolution.width === resolution.width;
  const odd = samples.find((sample) => !fits(sample));
  if (odd === undefined) return;
  throw collateShapes(
    describe(odd),
    samples.find(fits) && describe(samples.find(fits) as Sample),
    resolution,
  );
}

/**
 * Pictures of a micro-batch on the device: float32 [B, 3, H, W] in [-1, 1], mirrored where samples say so.
 * @param pixels uint8 RGB [B, H, W, 3]; free for other use after the call
 */
export function collateImages(pixels: Uint8Array, samples: readonly Sample[], device: DeviceName): Tensor {
  const { height, width } = samples[0]?.geometry.resolution ?? { height: 0, width: 0 };
  return tidy(() => {
    const flips = Uint8Array.from(samples, ({ geometry }) => (geometry.flip ? 1 : 0));
    const images = fromTypedArray(pixels, [samples.length, height, width, 3]);
    return imagesToBatch(images.to({ device }), fromTypedArray(flips).to({ device }));
  });
}

interface ShapedRow {
  readonly row: string;
  readonly shape: string;
}

function describe({ row, geometry: { resolution } }: Sample): ShapedRow {
  return {
    row: `${row.arrowFile} row ${row.rowInFile}`,
    shape: `${resolution.height}x${resolution.width}`,
  };
}
