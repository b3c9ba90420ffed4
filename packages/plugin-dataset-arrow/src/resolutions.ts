import type { Resolution } from "@hyfw/core";
import { resolutionSetting } from "./errors.js";

/** What the buckets are built from; sizes in pixels. `targetRatios` wins over `resoStep`. */
export interface ResolutionSettings {
  /** Side of the square bucket. */
  readonly baseSize: number;
  /** Step between the sides of neighbouring buckets. */
  readonly resoStep?: number | null;
  /** Ratios as `"H:W"`, height first. */
  readonly targetRatios?: readonly string[] | null;
  /** What sides of ratio buckets, and `baseSize`, are multiples of. */
  readonly align?: number;
}

/**
 * The official list of resolutions, sorted by rising height / width.
 * By step S from the square B: one side grows by S to at most 2B while the other shrinks by S to at least B/2; step buckets are
 * not rounded to `align`. By ratio a:b: x = floor(sqrt(floor(floor(B·B / A) / A) / (a·b))), height x·a·A, width x·b·A; `"1:1"` is B × B.
 * @throws HYFW_DATASET_RESOLUTIONS when a setting is out of range or a ratio leaves a bucket without area
 */
export function resolutionList(settings: ResolutionSettings): Resolution[] {
  const { baseSize, resoStep, targetRatios, align = 16 } = settings;
  if (!Number.isInteger(baseSize) || baseSize < 1 || baseSize % align !== 0)
    throw resolutionSetting(
      `image size ${baseSize} is not a multiple of align ${align}`,
      `dataset.imageSize = ${baseSize}, dataset.align = ${align}`,
      `use ${Math.max(align, Math.round(baseSize / align) * align)}, or a smaller dataset.align`,
    );
  const list =
    targetRatios !== undefined && targetRatios !== null
      ? targetRatios.map((ratio) => byRatio(baseSize, ratio, align))
      : byStep(baseSize, resoStep);
  return list.sort((a, b) => a.height / a.width - b.height / b.width);
}

function byStep(baseSize: number, resoStep: number | null | undefined): Resolution[] {
  const setting = `dataset.imageSize = ${baseSize}, dataset.resoStep = ${resoStep ?? "none"}`;
  if (resoStep === undefined || resoStep === null)
    throw resolutionSetting(
      "multi-resolution buckets need a step or a list of ratios",
      setting,
      "set dataset.resoStep (--reso-step) or dataset.targetRatios (--target-ratios)",
    );
  if (!Number.isInteger(resoStep) || resoStep < 1 || resoStep > Math.floor(baseSize / 2))
    throw resolutionSetting(
      `the step between buckets must lie in 1..${Math.floor(baseSize / 2)} (half of the image size), found ${resoStep}`,
      setting,
      "choose a step within that range; 64 at 1024 gives 33 buckets",
    );
  const half = Math.floor(baseSize / 2);
  const tall: Resolution[] = [];
  let height = baseSize;
  let width = baseSize;
  while (height < 2 * baseSize || width > half) {
    height = Math.min(height + resoStep, 2 * baseSize);
    width = Math.max(width - resoStep, half);
    tall.push({ height, width });
  }
  const wide = tall.map((r) => ({ height: r.width, width: r.height }));
  return [{ height: baseSize, width: baseSize }, ...tall, ...wide];
}

function byRatio(baseSize: number, ratio: string, align: number): Resolution {
  const setting = `dataset.targetRatios has ${JSON.stringify(ratio)}, dataset.imageSize = ${baseSize}, dataset.align = ${align}`;
  const match = /^\s*(\d+)\s*:\s*(\d+)\s*$/.exec(ratio);
  const a = Number(match?.[1]);
  const b = Number(match?.[2]);
  if (match === null || a === 0 || b === 0)
    throw resolutionSetting(
      `ratio ${JSON.stringify(ratio)} is not two whole numbers as "HEIGHT:WIDTH"`,
      setting,
      'write for example "3:4" (in quotes: YAML takes 16:9 without quotes for a number)',
    );
  if (ratio === "1:1") return { height: baseSize, width: baseSize };
  const x = Math.floor(Math.sqrt(Math.floor(Math.floor((baseSize * baseSize) / align) / align) / (a * b)));
  if (x === 0)
    throw resolutionSetting(
      `ratio ${ratio} leaves no bucket: at image size ${baseSize} its sides would be below align ${align}`,
      setting,
      `leave ${ratio} out, or use a smaller dataset.align`,
    );
  return { height: x * a * align, width: x * b * align };
}

/**
 * Place in `list` of the bucket for a picture: smallest |bucket ratio − height / width| in doubles, the first on a tie.
 * @param list sorted by rising ratio, not empty
 */
export function nearestResolution(list: readonly Resolution[], size: Resolution): number {
  const ratio = size.height / size.width;
  let best = 0;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const [i, resolution] of list.entries()) {
    const distance = Math.abs(resolution.height / resolution.width - ratio);
    if (distance < bestDistance) {
      best = i;
      bestDistance = distance;
    }
  }
  return best;
}

/** `"HxW"`, the name of a resolution in the official index files. */
export function resolutionKey({ height, width }: Resolution): string {
  return `${height}x${width}`;
}
