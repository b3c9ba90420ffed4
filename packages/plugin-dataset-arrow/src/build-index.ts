import type { Resolution } from "@hyfw/core";
import type { ArrowFile } from "./arrow-file.js";
import { scanNumbers } from "./arrow-scan.js";
import { decodeWhole } from "./pack/check-picture.js";
import { arrowRow, datasetEmpty, indexFile } from "./errors.js";
import type { Index } from "./index-file.js";
import { nearestResolution, resolutionKey, resolutionList, type ResolutionSettings } from "./resolutions.js";

/** An opened shard with the name it has in the index. */
export interface Shard {
  readonly name: string;
  readonly file: ArrowFile;
}

/** The base index of all rows of some shards, in their order. */
export function baseIndex(shards: readonly Shard[]): Index {
  let total = 0;
  const cumLength = shards.map(({ file }) => {
    total += file.rows;
    return total;
  });
  const rows = new Uint32Array(total);
  for (let i = 0; i < total; i++) rows[i] = i;
  return {
    dataType: ["Keep md5 duplicates."],
    configFile: "",
    arrowFiles: shards.map(({ name }) => name),
    cumLength,
    rows: new Map([["", rows]]),
  };
}

/** Which picture column a shard has: `image`, else `binary`. */
export function imageColumnOf(file: ArrowFile): string {
  return file.has("image") || !file.has("binary") ? "image" : "binary";
}

/** Height and width of every row of one shard, each NaN where the columns do not tell. */
export async function recordedSizes(
  file: ArrowFile,
): Promise<{ heights: Float64Array; widths: Float64Array }> {
  const read = async (name: string) =>
    file.has(name) ? wholeNumbers(await scanNumbers(file.column(name))) : new Float64Array(file.rows).fill(Number.NaN);
  return { heights: await read("height"), widths: await read("width") };
}

function wholeNumbers(values: Float64Array): Float64Array {
  return values.map((value) => (value >= 1 ? Math.trunc(value) : Number.NaN));
}

/** Settings of the multi-resolution index. */
export interface BucketSettings extends ResolutionSettings {
  /** Rows with a side below this many pixels are left out. */
  readonly minSize?: number;
}

/** What became of the rows of a base index: those in buckets, and how many were too small. */
export interface BucketRows {
  /** Global row numbers by `"HxW"`, in rising height / width; buckets without rows are absent. */
  readonly rows: ReadonlyMap<string, Uint32Array>;
  readonly tooSmall: number;
}

/**
 * Puts the rows of a base index into resolution buckets by their recorded size; a row without one is sized by decoding its picture.
 * @throws HYFW_DATASET_RESOLUTIONS, HYFW_INDEX_FILE when a shard has other rows than recorded, HYFW_ARROW_ROW for a picture without size
 */
export async function bucketRows(
  base: Index,
  shards: readonly Shard[],
  settings: BucketSettings,
): Promise<BucketRows> {
  const list = resolutionList(settings);
  if (list.length === 0) throw datasetEmpty("the list of ratios is empty", "set dataset.targetRatios");
  const selected = base.rows.get("") ?? [];
  const choice = new Uint16Array(selected.length);
  const counts = new Uint32Array(list.length);
  const sizes = new Map<number, number>();
  let tooSmall = 0;
  let at = 0;
  let first = 0;
  for (const shard of shards) {
    const end = first + shard.file.rows;
    const { heights, widths } = await recordedSizes(shard.file);
    for (; at < selected.length && (selected[at] as number) < end; at++) {
      const row = (selected[at] as number) - first;
      let size: Resolution = { height: heights[row] as number, width: widths[row] as number };
      if (Number.isNaN(size.height) || Number.isNaN(size.width)) size = await decodedSize(shard.file, row);
      if (Math.min(size.height, size.width) < (settings.minSize ?? 0)) {
        tooSmall++;
        choice[at] = 0xffff;
        continue;
      }
      const key = size.height * 2 ** 24 + size.width;
      const bucket = sizes.get(key) ?? nearestResolution(list, size);
      if (sizes.size < 100_000) sizes.set(key, bucket);
      choice[at] = bucket;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    first = end;
  }
  return { rows: fillBuckets(list, counts, choice, selected), tooSmall };
}

function fillBuckets(
  list: readonly Resolution[],
  counts: Uint32Array,
  choice: Uint16Array,
  selected: ArrayLike<number>,
): Map<string, Uint32Array> {
  const buckets = list.map((_, i) => new Uint32Array(counts[i] ?? 0));
  const filled = new Uint32Array(list.length);
  for (let i = 0; i < selected.length; i++) {
    const bucket = choice[i] as number;
    const rows = buckets[bucket];
    if (rows !== undefined) rows[filled[bucket]++ as number] = selected[i] as number;
  }
  const named = new Map<string, Uint32Array>();
  for (const [i, rows] of buckets.entries())
    if (rows.length > 0) named.set(resolutionKey(list[i] as Resolution), rows);
  return named;
}

async function decodedSize(file: ArrowFile, row: number): Promise<Resolution> {
  const bytes = await file.column(imageColumnOf(file)).bytes(row);
  const todo = "give the shard width and height columns, or pack it again";
  if (bytes === null) throw arrowRow(file.path, row, "it has neither a recorded size nor a picture", todo);
  try {
    return await decodeWhole(bytes);
  } catch (cause) {
    throw arrowRow(
      file.path,
      row,
      `it has no recorded size and its picture does not decode: ${cause instanceof Error ? cause.message : String(cause)}`,
      todo,
      cause,
    );
  }
}

/** @throws HYFW_INDEX_FILE when a shard holds another number of rows than the index recorded */
export function checkRowCounts(path: string, index: Index, shards: readonly Shard[]): void {
  for (const [i, { file }] of shards.entries()) {
    const recorded = (index.cumLength[i] ?? 0) - (index.cumLength[i - 1] ?? 0);
    if (recorded !== file.rows)
      throw indexFile(
        path,
        `it records ${recorded} rows for ${file.path}, which has ${file.rows}`,
        "build the index again from the present shards",
      );
  }
}

/** Several base indexes as one, their Arrow files one after the other. */
export function joinIndexes(indexes: readonly Index[]): Index {
  const [only] = indexes;
  if (indexes.length === 1 && only !== undefined) return only;
  const cumLength: number[] = [];
  const parts: ArrayLike<number>[] = [];
  const shifts: number[] = [];
  for (const index of indexes) {
    const shift = cumLength.at(-1) ?? 0;
    cumLength.push(...index.cumLength.map((length) => length + shift));
    parts.push(index.rows.get("") ?? []);
    shifts.push(shift);
  }
  const rows = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const [i, part] of parts.entries())
    for (let k = 0; k < part.length; k++) rows[at++] = (part[k] as number) + (shifts[i] ?? 0);
  return {
    dataType: indexes.flatMap((index) => index.dataType),
    configFile: "",
    arrowFiles: indexes.flatMap((index) => index.arrowFiles),
    cumLength,
    rows: new Map([["", rows]]),
  };
}
