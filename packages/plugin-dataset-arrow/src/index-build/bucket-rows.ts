import type { Resolution } from "@hyfw/core";
import type { ArrowFile, Batch } from "../arrow/arrow-file.js";
import { datasetEmpty } from "../errors.js";
import { nearestResolution, type ResolutionSettings, resolutionKey, resolutionList } from "../resolutions.js";
import type { Index } from "./index-file.js";
import { batchSizes, type OtherSizes, otherSize } from "./recorded-sizes.js";

/** Settings of the multi-resolution index. */
export interface BucketSettings extends ResolutionSettings {
  /** Rows with a side below this many pixels are left out. */
  readonly minSize?: number;
  /** For rows that have no size recorded. */
  readonly otherSizes?: OtherSizes;
}

/** What became of the rows of a base index: those in buckets, and how many were too small. */
export interface BucketRows {
  /** Global row numbers by `"HxW"`, in rising height / width; buckets without rows are absent. */
  readonly rows: ReadonlyMap<string, Uint32Array>;
  readonly tooSmall: number;
  /** Rows sized by a picture that its EXIF orientation turned. */
  readonly turned: number;
}

const TOO_SMALL = 0xffff;

/**
 * Puts the rows of a base index into resolution buckets by their recorded size; a row without one gets that of the MD5
 * file, else its picture is decoded.
 * @param use gives the opened file of each place in the index
 * @throws HYFW_DATASET_RESOLUTIONS, HYFW_ARROW_ROW for a picture without size
 */
export async function bucketRows(
  base: Index,
  use: (i: number, read: (file: ArrowFile) => Promise<void>) => Promise<void>,
  settings: BucketSettings,
): Promise<BucketRows> {
  const list = resolutionList(settings);
  if (list.length === 0) throw datasetEmpty("the list of ratios is empty", "set dataset.targetRatios");
  if (list.length >= TOO_SMALL) throw datasetEmpty(`there are ${list.length} buckets`, "take a larger step");
  const selected = base.rows.get("") ?? [];
  const choice = new Uint16Array(selected.length);
  const counts = new Uint32Array(list.length);
  const nearest = cachedNearest(list);
  const minSize = settings.minSize ?? 0;
  let tooSmall = 0;
  let turned = 0;
  let at = 0;
  const put = (size: Resolution): void => {
    if (Math.min(size.height, size.width) < minSize) {
      tooSmall++;
      choice[at++] = TOO_SMALL;
      return;
    }
    const bucket = nearest(size.height, size.width);
    choice[at++] = bucket;
    counts[bucket]++;
  };
  const ofBatch = async (file: ArrowFile, batch: Batch, start: number): Promise<void> => {
    const end = start + batch.firstRow + batch.rows;
    if (at >= selected.length || selected[at] >= end) return;
    const { heights, widths } = batchSizes(file, batch);
    while (at < selected.length && selected[at] < end) {
      const row = selected[at] - start - batch.firstRow;
      const height = heights[row];
      const width = widths[row];
      if (!(height >= 1 && width >= 1)) {
        const size = await otherSize(file, batch.firstRow + row, settings.otherSizes ?? {});
        if (size.isTurned) turned++;
        put(size);
      } else if (height < minSize || width < minSize) put({ height, width });
      else {
        const bucket = nearest(height, width);
        choice[at++] = bucket;
        counts[bucket]++;
      }
    }
  };
  for (let i = 0; i < base.arrowFiles.length; i++)
    await use(i, async (file) => {
      for (const batch of file.batches) await ofBatch(file, batch, base.cumLength[i - 1] ?? 0);
    });
  return { rows: fillBuckets(list, counts, choice, selected), tooSmall, turned };
}

const CACHED = 1 << 14;

/** `nearestResolution` with its answers for the sizes seen last: few sizes make up most of a data set. */
function cachedNearest(list: readonly Resolution[]): (height: number, width: number) => number {
  const heights = new Uint32Array(CACHED);
  const widths = new Uint32Array(CACHED);
  const answers = new Uint16Array(CACHED);
  return (height, width) => {
    const slot = (Math.imul(height, 0x9e3779b1) ^ Math.imul(width, 0x85ebca6b)) >>> 18;
    if (heights[slot] === height && widths[slot] === width) return answers[slot];
    const answer = nearestResolution(list, { height, width });
    heights[slot] = height;
    widths[slot] = width;
    answers[slot] = answer;
    return answer;
  };
}

function fillBuckets(
  list: readonly Resolution[],
  counts: Uint32Array,
  choice: Uint16Array,
  selected: ArrayLike<number>,
): Map<string, Uint32Array> {
  const buckets = list.map((_, i) => new Uint32Array(counts[i]));
  const filled = new Uint32Array(list.length);
  for (let i = 0; i < selected.length; i++) {
    const bucket = choice[i];
    if (bucket !== TOO_SMALL) buckets[bucket][filled[bucket]++] = selected[i];
  }
  const named = new Map<string, Uint32Array>();
  for (const [i, rows] of buckets.entries()) {
    if (rows.length === 0) continue;
    const key = resolutionKey(list[i]);
    const before = named.get(key);
    named.set(key, before === undefined ? rows : Uint32Array.from([...before, ...rows]).sort());
  }
  return named;
}
