import { createHash } from "node:crypto";
import type { Bucket, Dataset, PhaseData } from "@hyfw/core";
import { ArrowFile } from "./arrow/arrow-file.js";
import { ArrowDataset } from "./arrow-dataset.js";
import { datasetSetting, indexFile } from "./errors.js";
import { buildBaseIndex } from "./index-build/build-base.js";
import { baseIndex, checkRowCount, joinIndexes, type Shard } from "./index-build/build-index.js";
import { findFiles, locateArrowFile } from "./index-build/find-files.js";
import { type Index, readIndex } from "./index-build/index-file.js";
import type { IndexRecipe } from "./index-build/index-recipe.js";
import { findSources } from "./index-build/index-sources.js";
import { type KeptLayout, readKept, writeKept } from "./index-cache.js";
import { type LaidOut, layOut } from "./lay-out-rows.js";
import { checkOptions, type DatasetOptions } from "./options.js";
import { identify } from "./row-identity.js";
import { countOccurrences } from "./row-occurrence.js";

/** What opening found out is kept on disk from this many rows on. */
const KEPT_ROWS = 100_000;

/**
 * Opens the rows that the options name: reads indexes, opens every shard's footer, and puts the rows into buckets.
 * Positions go bucket by bucket, by rising height / width, in index order within each. For a large set this is done
 * once and kept: the next opening reads footers and one file.
 * @throws HYFW_DATASET_*, HYFW_INDEX_*, HYFW_ARROW_*
 */
export async function openDataset(phase: PhaseData, options: DatasetOptions): Promise<Dataset> {
  checkOptions(options);
  const opened: ArrowFile[] = [];
  try {
    const named = await openShards(options, opened);
    const total = named.shards.reduce((sum, { file }) => sum + file.rows, 0);
    const folder = total >= KEPT_ROWS ? options.indexCache : null;
    const kept = folder === null ? undefined : readKept(folder, options, named.shards);
    const layout = kept ?? (await findOut(named, options));
    const notes = [...layout.notes];
    if (folder !== null && kept === undefined)
      notes.push(
        writeKept(folder, options, named.shards, layout) ?? `kept for the next opening in ${folder}`,
      );
    const { rows, fingerprint, occurrences } = layout;
    let at = 0;
    const buckets: Bucket[] = layout.buckets.map(({ resolution, length }) => {
      const positions = new Uint32Array(length);
      for (let i = 0; i < length; i++) positions[i] = at++;
      return { resolution, positions };
    });
    return new ArrowDataset({
      name: phase.name,
      options,
      shards: named.shards,
      rows,
      buckets,
      fingerprint,
      occurrences,
      notes,
    });
  } catch (error) {
    await Promise.all(opened.map((file) => file.close()));
    throw error;
  }
}

interface Named {
  readonly shards: readonly Shard[];
  /** Chooses the rows; called only when they are not kept from before. */
  readonly index: () => Promise<{ index: Index; notes: readonly string[] }>;
}

async function findOut(named: Named, options: DatasetOptions): Promise<KeptLayout> {
  const { index, notes } = await named.index();
  const { buckets, rows, facts }: LaidOut = await layOut(index, named.shards, options);
  const hash = createHash("sha256");
  const words = await identify(named.shards, hash);
  for (const { resolution } of buckets) hash.update(JSON.stringify(resolution));
  hash.update(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
  return {
    rows,
    buckets,
    fingerprint: hash.digest("hex"),
    occurrences: countOccurrences(rows.length, (position) => {
      const row = rows[position];
      return [words[2 * row], words[2 * row + 1]];
    }),
    notes: [...notes, ...facts],
  };
}

async function openShards(options: DatasetOptions, opened: ArrowFile[]): Promise<Named> {
  const open = async (name: string, path: string): Promise<Shard> => {
    const file = await ArrowFile.open(path);
    opened.push(file);
    return { name, file };
  };
  if (options.index !== null) return openRecipe(options.index, open);
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
    const notes = [`${shards.length} Arrow file(s), every row once`];
    return { shards, index: async () => ({ index: baseIndex(shards), notes }) };
  }
  return openIndexes(options.indexFile, open);
}

async function openRecipe(
  recipe: IndexRecipe,
  open: (name: string, path: string) => Promise<Shard>,
): Promise<Named> {
  const { sources, notes } = findSources(recipe, "dataset.index");
  const shards: Shard[] = [];
  for (const { name, path } of sources) shards.push(await open(name, path));
  const byPath = new Map(shards.map(({ file }) => [file.path, file]));
  return {
    shards,
    index: async () => {
      const built = await buildBaseIndex(recipe, sources, {
        open: ({ path }) => byPath.get(path) as ArrowFile,
      });
      const counts = [...built.stats].map(([name, count]) => `  ${name}: ${count}`);
      return {
        index: built.index,
        notes: [
          `index of the settings: ${built.rows} row(s), ${built.passed} passed its filters`,
          ...counts,
          ...notes,
          ...built.notes,
        ],
      };
    },
  };
}

async function openIndexes(
  paths: readonly string[],
  open: (name: string, path: string) => Promise<Shard>,
): Promise<Named> {
  const indexes: Index[] = [];
  const shards: Shard[] = [];
  for (const path of paths) {
    const index = await readIndex(path);
    for (const [i, name] of index.arrowFiles.entries()) {
      const shard = await open(name, locateArrowFile(name, path));
      checkRowCount(path, index, i, shard.file);
      shards.push(shard);
    }
    if (!index.rows.has("") && paths.length > 1)
      throw indexFile(
        path,
        "it is a multi-resolution index, which cannot be joined with others",
        "name it alone, or join base indexes with `hyfw index multireso`",
      );
    indexes.push(index);
  }
  const notes = paths.map((path) => `index ${path}`);
  return { shards, index: async () => ({ index: joinIndexes(indexes), notes }) };
}
