import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { z } from "@hyfw/core";
import { indexFile } from "../errors.js";
import { splitIndices } from "./inline-rows.js";
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
type OnDisk = z.output<typeof OnDisk>;

/**
 * Reads an official index JSON with its npz, if it has one, and checks that it is consistent in itself.
 * @throws HYFW_INDEX_FILE naming the file and the field
 */
export async function readIndex(file: string): Promise<Index> {
  const { rest, inline } = await readJson(file);
  const parsed = OnDisk.safeParse(rest);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw indexFile(
      file,
      `field ${issue?.path.join(".") || "(whole file)"}: ${issue?.message ?? "not as expected"}`,
      "build the index again",
    );
  }
  const disk = parsed.data;
  const rows = await readRows(file, disk, inline);
  checkConsistency(file, disk, rows);
  return {
    dataType: disk.data_type,
    configFile: disk.config_file,
    arrowFiles: disk.arrow_files,
    cumLength: disk.cum_length,
    rows,
  };
}

async function readJson(file: string): Promise<{ rest: unknown; inline: Uint32Array | undefined }> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw indexFile(file, "the index cannot be opened", "check dataset.indexFile (--index-file)", cause);
  }
  try {
    const { text, inline } = splitIndices(bytes);
    return { rest: JSON.parse(text), inline };
  } catch (cause) {
    throw indexFile(file, "the index is no JSON", "build the index again", cause);
  }
}

async function readRows(
  file: string,
  { indices, indices_file: npzName, group_length: groups }: OnDisk,
  inline: Uint32Array | undefined,
): Promise<Map<string, ArrayLike<number>>> {
  const isBase = Array.isArray(groups);
  if (npzName === "") return new Map([["", inline ?? (Array.isArray(indices) ? indices : [])]]);
  if (parse(npzName).base !== npzName)
    throw indexFile(
      file,
      `indices_file is ${JSON.stringify(npzName)}, expected a name without folder`,
      "build the index again",
    );
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

function checkConsistency(file: string, disk: OnDisk, rows: ReadonlyMap<string, ArrayLike<number>>): void {
  const fail = (what: string) => indexFile(file, what, "build the index again");
  const files = disk.arrow_files.length;
  if (disk.cum_length.length !== files)
    throw fail(`cum_length has ${disk.cum_length.length} entries for ${files} arrow_files`);
  for (let i = 1; i < files; i++)
    if (disk.cum_length[i] < disk.cum_length[i - 1]) throw fail(`cum_length falls to ${disk.cum_length[i]}`);
  const total = disk.cum_length.at(-1) ?? 0;
  let any = 0;
  for (const [key, numbers] of rows) {
    const of = key && ` of ${key}`;
    if (key !== "" && !/^[1-9]\d{0,5}x[1-9]\d{0,5}$/.test(key))
      throw fail(`${JSON.stringify(key)} is no resolution "HxW"`);
    const groups = Array.isArray(disk.group_length) ? disk.group_length : disk.group_length[key];
    if (groups === undefined || groups.length !== files)
      throw fail(`group_length${of} must have ${files} entries, found ${groups?.length ?? 0}`);
    const sum = groups.reduce((a, b) => a + b, 0);
    if (sum !== numbers.length)
      throw fail(`group_length${of} adds up to ${sum}, but there are ${numbers.length} rows`);
    for (let i = 0; i < numbers.length; i++) {
      const row = numbers[i];
      if (!(row >= 0 && row < total)) throw fail(`row number ${row} lies outside of its ${total} rows`);
      if (i > 0 && row < numbers[i - 1]) throw fail(`row numbers fall from ${numbers[i - 1]} to ${row}`);
    }
    const found = groupLengths(disk.cum_length, numbers);
    const wrong = groups.findIndex((length, i) => length !== found[i]);
    if (wrong >= 0)
      throw fail(
        `group_length${of} gives ${groups[wrong]} rows to ${disk.arrow_files[wrong]}, but there are ${found[wrong]}`,
      );
    any += numbers.length;
  }
  if (!Array.isArray(disk.group_length))
    for (const key of Object.keys(disk.group_length))
      if (!rows.has(key)) throw fail(`the rows of ${key} are missing`);
  if (any === 0) throw fail("it holds no rows");
}

/** How many of the (rising) row numbers fall into each Arrow file. */
export function groupLengths(cumLength: readonly number[], rows: ArrayLike<number>): number[] {
  const lengths: number[] = [];
  let at = 0;
  for (const end of cumLength) {
    const start = at;
    while (at < rows.length && rows[at] < end) at++;
    lengths.push(at - start);
  }
  return lengths;
}

/**
 * Writes the official layout: indent 4, and an npz beside it for buckets or for more than 5,000,000 rows. Both are
 * renamed into place.
 */
export async function writeIndex(file: string, index: Index, inlineRows = INLINE_ROWS): Promise<void> {
  const base = index.rows.get("");
  const inline = base !== undefined && base.length <= inlineRows;
  const npzName = inline ? "" : `${parse(file).name}.index.npz`;
  const groups =
    base !== undefined
      ? groupLengths(index.cumLength, base)
      : Object.fromEntries(
          Array.from(index.rows, ([key, rows]) => [key, groupLengths(index.cumLength, rows)]),
        );
  const none = base !== undefined ? [] : {};
  const before = JSON.stringify(
    {
      data_type: index.dataType,
      config_file: index.configFile,
      indices_file: npzName,
      arrow_files: index.arrowFiles,
      cum_length: index.cumLength,
      group_length: groups,
    },
    null,
    4,
  );
  if (!inline)
    replaceFile(join(dirname(file), npzName), (fd) =>
      writeWhole(fd, writeNpz(base !== undefined ? [["x", base]] : index.rows)),
    );
  replaceFile(file, (fd) => {
    writeWhole(fd, Buffer.from(`${before.slice(0, -2)},\n    "indices": `));
    if (inline && base.length > 0) writeRows(fd, base);
    else writeWhole(fd, Buffer.from(JSON.stringify(none)));
    writeWhole(fd, Buffer.from(`,\n    "example_indices": ${JSON.stringify(none)}\n}`));
  });
}

/** Millions of numbers, one a line; digit by digit into one buffer, since `JSON.stringify` takes half a second for them. */
function writeRows(fd: number, rows: ArrayLike<number>): void {
  const buffer = Buffer.allocUnsafe(1 << 20);
  let at = buffer.write("[\n");
  for (let i = 0; i < rows.length; i++) {
    if (at > buffer.length - 40) {
      writeWhole(fd, buffer.subarray(0, at));
      at = 0;
    }
    for (let blank = 0; blank < 8; blank++) buffer[at++] = 32;
    let digits = 1;
    for (let power = 10; power <= rows[i]; power *= 10) digits++;
    let value = rows[i];
    for (let place = at + digits - 1; place >= at; place--) {
      const shorter = Math.floor(value / 10);
      buffer[place] = 48 + value - 10 * shorter;
      value = shorter;
    }
    at += digits;
    if (i < rows.length - 1) buffer[at++] = 44;
    buffer[at++] = 10;
  }
  at += buffer.write("    ]", at);
  writeWhole(fd, buffer.subarray(0, at));
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function replaceFile(file: string, write: (fd: number) => void): void {
  const partial = `${file}.partial`;
  try {
    const fd = openSync(partial, "w");
    try {
      write(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(partial, file);
  } catch (cause) {
    rmSync(partial, { force: true });
    throw indexFile(
      file,
      `it cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      "check that the folder exists and has room",
      cause,
    );
  }
}
