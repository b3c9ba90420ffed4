import { createHash } from "node:crypto";
import type { Bucket, Dataset, PhaseData, Resolution } from "@hyfw/core";
import { ArrowFile } from "./arrow/arrow-file.js";
import { scanContent, scanMd5 } from "./arrow/arrow-scan.js";
import { ArrowDataset } from "./arrow-dataset.js";
import { datasetEmpty, datasetSetting, indexFile } from "./errors.js";
import {
  baseIndex,
  bucketRows,
  checkRowCounts,
  imageColumnOf,
  joinIndexes,
  type Shard,
} from "./index-build/build-index.js";
import { findFiles, locateArrowFile } from "./index-build/find-files.js";
import { type Index, readIndex } from "./index-build/index-file.js";
import { checkOptions, type DatasetOptions, singleResolution } from "./options.js";
import { countOccurrences } from "./row-occurrence.js";

/**
 * Opens the rows that the options name: reads indexes, opens every shard's footer, and puts the rows into buckets.
 * Positions go bucket by bucket, by rising height / width, in index order within each.
 * @throws HYFW_DATASET_*, HYFW_INDEX_FILE, HYFW_ARROW_*
 */
export async function openDataset(phase: PhaseData, options: DatasetOptions): Promise<Dataset> {
  checkOptions(options);
  const opened: ArrowFile[] = [];
  try {
    const { index, shards, notes } = await openShards(options, opened);
    const { buckets, rows, facts } = await layOut(index, shards, options);
    const hash = createHash("sha256");
    const words = await identify(shards, hash);
    for (const bucket of buckets) hash.update(JSON.stringify(bucket.resolution));
    hash.update(new Uint8Array(rows.buffer));
    return new ArrowDataset({
      name: phase.name,
      options,
      shards,
      rows,
      buckets,
      fingerprint: hash.digest("hex"),
      occurrences: countOccurrences(rows.length, (position) => {
        const row = rows[position] as number;
        return [words[2 * row] as number, words[2 * row + 1] as number];
      }),
      notes: [...notes, ...facts],
    });
  } catch (error) {
    await Promise.all(opened.map((file) => file.close()));
    throw error;
  }
}

interface Opened {
  readonly index: Index;
  readonly shards: readonly Shard[];
  readonly notes: readonly string[];
}

async function openShards(options: DatasetOptions, opened: ArrowFile[]): Promise<Opened> {
  const open = async (name: string, path: string): Promise<Shard> => {
    const file = await ArrowFile.open(path);
    opened.push(file);
    return { name, file };
  };
  if (options.indexFile.length === 0) {
    const paths = options.arrowFiles.flatMap((pattern) => {
      const found = findFiles(pattern);
      if (found.length === 0)
        throw datasetSetting(
          "arrowFiles",
          options.arrowFiles,
          `no file fits ${JSON.stringify(pattern)}`,
          "pack the data first with `hyfw pack`, or correct the pattern",
        );
      return found;
    });
    const shards: Shard[] = [];
    for (const path of new Set(paths)) shards.push(await open(path, path));
    return { index: baseIndex(shards), shards, notes: [`${shards.length} Arrow file(s), every row once`] };
  }
  const indexes: Index[] = [];
  const shards: Shard[] = [];
  for (const path of options.indexFile) {
    const index = await readIndex(path);
    const own: Shard[] = [];
    for (const name of index.arrowFiles) own.push(await open(name, locateArrowFile(name, path)));
    checkRowCounts(path, index, own);
    if (!index.rows.has("") && options.indexFile.length > 1)
      throw indexFile(
        path,
        "it is a multi-resolution index, which cannot be joined with others",
        "name it alone, or join base indexes with `hyfw index multireso`",
      );
    indexes.push(index);
    shards.push(...own);
  }
  return { index: joinIndexes(indexes), shards, notes: options.indexFile.map((path) => `index ${path}`) };
}

interface LaidOut {
  readonly buckets: readonly Bucket[];
  /** Global row number of every position. */
  readonly rows: Uint32Array;
  readonly facts: readonly string[];
}

async function layOut(index: Index, shards: readonly Shard[], options: DatasetOptions): Promise<LaidOut> {
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
  if (options.multireso) {
    const [baseSize = 0] = options.imageSize;
    const { resoStep, targetRatios, align, minSize } = options;
    const { rows, tooSmall } = await bucketRows(index, shards, {
      baseSize,
      resoStep,
      targetRatios,
      align,
      minSize,
    });
    return place(rows, leftOut(tooSmall, minSize));
  }
  const { height, width } = singleResolution(options);
  const key = `${height}x${width}`;
  if (options.minSize === 0) return place(new Map([[key, base]]), []);
  // One bucket for every shape: only the smallest side counts.
  const { rows, tooSmall } = await bucketRows(index, shards, {
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
  const buckets = sorted.map(({ resolution, rows: own }) => {
    rows.set(own, at);
    const positions = Uint32Array.from({ length: own.length }, (_, i) => at + i);
    at += own.length;
    return { resolution, positions };
  });
  return { buckets, rows, facts };
}

function resolutionOf(key: string): Resolution {
  const [height = 0, width = 0] = key.split("x").map(Number);
  return { height, width };
}

/** Two hash words per global row; the content of all columns but the pictures goes into `hash`. */
async function identify(
  shards: readonly Shard[],
  hash: { update(data: Uint8Array | string): unknown },
): Promise<Uint32Array> {
  const words = new Uint32Array(2 * shards.reduce((sum, { file }) => sum + file.rows, 0));
  let at = 0;
  for (const { file } of shards) {
    const image = imageColumnOf(file);
    await scanContent(file, image, (bytes) => hash.update(bytes));
    const known = file.has("md5") ? await scanMd5(file.column("md5")) : null;
    words.set(known ?? (await hashPictures(file, image, hash)), at);
    at += 2 * file.rows;
  }
  return words;
}

/** For shards without usable MD5s: every picture is read once. */
async function hashPictures(
  file: ArrowFile,
  imageColumn: string,
  hash: { update(data: Uint8Array): unknown },
): Promise<Uint32Array> {
  const words = new Uint32Array(2 * file.rows);
  for (let row = 0; row < file.rows; row++) {
    const digest = createHash("md5")
      .update((await file.column(imageColumn).bytes(row)) ?? "")
      .digest();
    hash.update(digest);
    words[2 * row] = digest.readUInt32BE(0);
    words[2 * row + 1] = digest.readUInt32BE(4);
  }
  return words;
}
