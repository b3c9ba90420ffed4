import type { Resolution, Sample } from "@hyfw/core";
import type { DeviceName, Tensor } from "@hyfw/native";
import { sizeIndivisible } from "./errors.js";
import { type RopeImg, ropeTables } from "./network/rope.js";
import { PATCH_SIZE } from "./network/shape.js";

/** What changes the size condition. */
export interface SizeCondOptions {
  readonly mergeSrcCond: boolean;
  readonly randomShrinkSizeCond: boolean;
}

/**
 * The six size numbers of a training sample: source width and height, target width and height, and the crop's x and
 * y in the resized picture, from before mirroring. Width comes first, as the condition vector has it.
 */
export function sizeNumbers(
  { sourceSize, geometry }: Pick<Sample, "sourceSize" | "geometry">,
  options: SizeCondOptions,
): number[] {
  let { width, height } = sourceSize;
  if (options.randomShrinkSizeCond) [width, height] = [Math.max(width, 1024), Math.max(height, 1024)];
  if (options.mergeSrcCond) width = height = Math.sqrt(width * height);
  const { resolution, crop } = geometry;
  return [width, height, resolution.width, resolution.height, crop.left, crop.top];
}

/** The size condition of a sample in words; none when the model has no such condition. */
export function describeSizeCondition(
  sample: Pick<Sample, "sourceSize" | "geometry">,
  options: SizeCondOptions & { readonly sizeCond: readonly number[] | null },
): string {
  if (options.sizeCond === null) return "none: this version of the model has no size condition";
  const [width = 0, height = 0, targetWidth, targetHeight, x, y] = sizeNumbers(sample, options);
  const short = (side: number): string => String(Number(side.toFixed(1)));
  return `source ${short(width)} wide, ${short(height)} high; target ${targetWidth} wide, ${targetHeight} high; crop from x ${x}, y ${y}`;
}

/**
 * Tokens of a picture, height first.
 * @throws HYFW_DIT_RESOLUTION when a side is no multiple of the cell size times the patch size
 */
export function tokenGrid({ height, width }: Resolution, cellSize: number): Resolution {
  const step = cellSize * PATCH_SIZE;
  if (height % step !== 0 || width % step !== 0) throw sizeIndivisible(height, width, step);
  return { height: height / step, width: width / step };
}

/** Rotary tables by resolution, made once each and kept on the device until `dispose`. */
export class RopeCache {
  private readonly tables = new Map<string, { readonly cos: Tensor; readonly sin: Tensor }>();

  constructor(
    private readonly ropeImg: RopeImg,
    private readonly headSize: number,
  ) {}

  /** @param grid tokens, height first. @returns cos and sin, float32 [L, K]; the cache owns them */
  get(grid: Resolution, device: DeviceName): { readonly cos: Tensor; readonly sin: Tensor } {
    const key = `${grid.height}x${grid.width} ${device}`;
    const known = this.tables.get(key);
    if (known !== undefined) return known;
    const { cos, sin } = ropeTables(this.ropeImg, grid, this.headSize);
    const made = { cos: onDevice(cos, device).keep(), sin: onDevice(sin, device).keep() };
    this.tables.set(key, made);
    return made;
  }
  dispose(): void {
    for (const { cos, sin } of this.tables.values()) {
      cos.dispose();
      sin.dispose();
    }
    this.tables.clear();
  }
}

/** The tensor itself on the CPU, else a copy there. */
export function onDevice(tensor: Tensor, device: DeviceName): Tensor {
  return device === "cpu" ? tensor : tensor.to({ device });
}
