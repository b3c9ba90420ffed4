import type { Resolution } from "@hyfw/core";
import { datasetEmpty, datasetSetting } from "./errors.js";
import { type BucketSettings, bucketRows } from "./index-build/bucket-rows.js";
import type { Shard } from "./index-build/build-index.js";
import type { Index } from "./index-build/index-file.js";
import { type DatasetOptions, singleResolution } from "./options.js";

/** The rows of an index in the order of their positions. */
export interface LaidOut {
  /** By rising height / width; the positions of one follow those of the one before. */
  readonly buckets: readonly { readonly resolution: Resolution; readonly length: number }[];
  /** Global row number of every position. */
  readonly rows: Uint32Array;
  readonly facts: readonly string[];
}

/** Puts the rows of an index into the buckets that the options ask for. @throws HYFW_DATASET_* */
export async function layOut(
  index: Index,
  shards: readonly Shard[],
  options: DatasetOptions,
): Promise<LaidOut> {
  const base = index.rows.get("");
  if (base === undefined) {
    if (!options.multireso)
      throw datasetSetting(
        "multireso",
        false,
        "the index is a multi-resolution one",
        "set dataset.multireso to true (--multireso), or name a base index",
      );
    return place(index.rows, ["buckets as the index has them"]);
  }
  const inBuckets = (settings: BucketSettings) =>
    bucketRows(index, (i, read) => read(shards[i].file), settings);
  if (options.multireso) {
    const [baseSize = 0] = options.imageSize;
    const { resoStep, targetRatios, align, minSize } = options;
    const { rows, tooSmall } = await inBuckets({ baseSize, resoStep, targetRatios, align, minSize });
    return place(rows, leftOut(tooSmall, minSize));
  }
  const { height, width } = singleResolution(options);
  const key = `${height}x${width}`;
  if (options.minSize === 0) return place(new Map([[key, base]]), []);
  // One bucket for every shape: only the smallest side counts.
  const { rows, tooSmall } = await inBuckets({
    baseSize: 1,
    targetRatios: ["1:1"],
    align: 1,
    minSize: options.minSize,
  });
  const kept = rows.get("1x1") ?? new Uint32Array(0);
  return place(new Map([[key, kept]]), leftOut(tooSmall, options.minSize));
}

function leftOut(tooSmall: number, minSize: number): string[] {
  return tooSmall === 0 ? [] : [`${tooSmall} row(s) left out: a side below dataset.minSize = ${minSize}`];
}

function place(groups: ReadonlyMap<string, ArrayLike<number>>, facts: readonly string[]): LaidOut {
  const sorted = [...groups].map(([key, rows]) => ({ resolution: resolutionOf(key), rows }));
  sorted.sort((a, b) => a.resolution.height / a.resolution.width - b.resolution.height / b.resolution.width);
  const total = sorted.reduce((sum, { rows }) => sum + rows.length, 0);
  if (total === 0)
    throw datasetEmpty(facts.join("; ") || "the index holds none", "check dataset.minSize and the index");
  const rows = new Uint32Array(total);
  let at = 0;
  for (const { rows: own } of sorted) {
    rows.set(own, at);
    at += own.length;
  }
  const buckets = sorted.map(({ resolution, rows: own }) => ({ resolution, length: own.length }));
  return { buckets, rows, facts };
}

function resolutionOf(key: string): Resolution {
  const [height = 0, width = 0] = key.split("x").map(Number);
  return { height, width };
}
