import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { z } from "@hyfw/core";
import { indexFile } from "../errors.js";
import { readNpz, writeNpz } from "./npz.js";

/** An index as the official tools write it: which rows of which Arrow files, all in one list or by resolution. */
export interface Index {
  /** Facts for people: filters and settings it was built with. */
  readonly dataType: readonly string[];
  readonly configFile: string;
  readonly arrowFiles: readonly string[];
  /** Running total of row counts, one per Arrow file. */
  readonly cumLength: readonly number[];
  /** Global row numbers, never decreasing: under `""` for a base index, under `"HxW"` for a multi-resolution one. */
  readonly rows: ReadonlyMap<string, ArrayLike<number>>;
}

/** Above this many rows the official tool puts a base index's rows into an npz. */
const INLINE_ROWS = 5_000_000;

const count = z.number().int().nonnegative();
const OnDisk = z.object({
  data_type: z.array(z.string()).default([]),
  config_file: z.string().default(""),
  indices_file: z.string().default(""),
  arrow_files: z.array(z.string()),
  cum_length: z.array(count),
  group_length: z.union([z.array(count), z.record(z.string(), z.array(count))]),
  indices: z.union([z.array(count), z.record(z.string(), z.never())]).default([]),
});

/**
 * Reads an official index JSON with its npz, if it has one, and checks that it is consistent in itself.
 * @throws HYFW_INDEX_FILE naming the file and the field
 */
export async function readIndex(file: string): Promise<Index> {
  const parsed = OnDisk.safeParse(await readJson(file));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw indexFile(
      file,
      `field ${issue?.path.join(".") || "(whole file)"}: ${issue?.message ?? "not as expected"}`,
      "build the index again",
    );
  }
  const disk = parsed.data;
  const rows = await readRows(file, disk.indices, disk.indices_file, Array.isArray(disk.group_length));
  checkConsistency(file, disk, rows);
  return {
    dataType: disk.data_type,
    configFile: disk.config_file,
    arrowFiles: disk.arrow_files,
    cumLength: disk.cum_length,
    rows,
  };
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw indexFile(file, "the index cannot be opened", "check dataset.indexFile (--index-file)", cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw indexFile(file, "the index is no JSON", "build the index again", cause);
  }
}

async function readRows(
  file: string,
  inline: readonly number[] | Readonly<Record<string, never>>,
  npzName: string,
  isBase: boolean,
): Promise<Map<string, ArrayLike<number>>> {
  if (npzName === "") return new Map([["", Array.isArray(inline) ? inline : []]]);
  const npz = join(dirname(file), npzName);
  let arrays: Map<string, ArrayLike<number>>;
  try {
    arrays = readNpz(await readFile(npz));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw indexFile(npz, `the rows of ${file} cannot be read: ${why}`, "build the index again", cause);
  }
  if (!isBase) return arrays;
  const only = arrays.get("x");
  if (only === undefined)
    throw indexFile(npz, 'a base index keeps its rows under "x"', "build the index again");
  return new Map([["", only]]);
}

function checkConsistency(
  file: string,
  disk: z.output<typeof OnDisk>,
  rows: ReadonlyMap<string, ArrayLike<number>>,
): void {
  const fail = (what: string) => indexFile(file, what, "build the index again");
  const files = disk.arrow_files.length;
  if (disk.cum_length.length !== files)
    throw fail(`cum_length has ${disk.cum_length.length} entries for ${files} arrow_files`);
  const total = disk.cum_length.at(-1) ?? 0;
  let any = 0;
  for (const [key, numbers] of rows) {
    const groups = Array.isArray(disk.group_length) ? disk.group_length : disk.group_length[key];
    if (groups === undefined || groups.length !== files)
      throw fail(
        `group_length${key && ` of ${key}`} must have ${files} entries, found ${groups?.length ?? 0}`,
      );
    const sum = groups.reduce((a, b) => a + b, 0);
    if (sum !== numbers.length)
      throw fail(
        `group_length${key && ` of ${key}`} adds up to ${sum}, but there are ${numbers.length} rows`,
      );
    for (let i = 0; i < numbers.length; i++) {
      const row = numbers[i] as number;
      if (row < 0 || row >= total) throw fail(`row number ${row} lies outside of its ${total} rows`);
      if (i > 0 && row < (numbers[i - 1] as number))
        throw fail(`row numbers fall from ${numbers[i - 1]} to ${row}`);
    }
    any += numbers.length;
  }
  if (any === 0) throw fail("it holds no rows");
}

/** How many of the (rising) row numbers fall into each Arrow file. */
export function groupLengths(cumLength: readonly number[], rows: ArrayLike<number>): number[] {
  const lengths = new Array<number>(cumLength.length).fill(0);
  let file = 0;
  for (let i = 0; i < rows.length; i++) {
    while ((cumLength[file] ?? Number.POSITIVE_INFINITY) <= (rows[i] as number)) file++;
    lengths[file] = (lengths[file] ?? 0) + 1;
  }
  return lengths;
}

/** Writes the official layout: indent 4, and an npz beside it for buckets or for more than 5,000,000 rows. Both are renamed into place. */
export async function writeIndex(file: string, index: Index): Promise<void> {
  const base = index.rows.get("");
  const isBase = base !== undefined;
  const inline = isBase && base.length <= INLINE_ROWS;
  const npzName = inline ? "" : `${parse(file).name}.index.npz`;
  const groups = isBase
    ? groupLengths(index.cumLength, base)
    : Object.fromEntries(Array.from(index.rows, ([key, rows]) => [key, groupLengths(index.cumLength, rows)]));
  const disk = {
    data_type: index.dataType,
    config_file: index.configFile,
    indices_file: npzName,
    arrow_files: index.arrowFiles,
    cum_length: index.cumLength,
    group_length: groups,
    indices: inline ? Array.from(base) : isBase ? [] : {},
    example_indices: isBase ? [] : {},
  };
  if (!inline) await replaceFile(join(dirname(file), npzName), writeNpz(isBase ? [["x", base]] : index.rows));
  await replaceFile(file, JSON.stringify(disk, null, 4));
}

async function replaceFile(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(`${file}.partial`, content);
  await rename(`${file}.partial`, file);
}
