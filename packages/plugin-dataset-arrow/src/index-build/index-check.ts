import type { Resolution } from "@hyfw/core";
import { ArrowFile } from "../arrow/arrow-file.js";
import { eachBatch, isValid } from "../arrow/batch-cells.js";
import { type Command, parseArguments } from "../command-arguments.js";
import { commandUsage } from "../errors.js";
import { nearestResolution } from "../resolutions.js";
import { locateArrowFile } from "./find-files.js";
import { type Index, readIndex } from "./index-file.js";
import { Md5Map } from "./md5-map.js";
import { batchSizes } from "./recorded-sizes.js";

const usage = "hyfw index check <json> ...";

/** `hyfw index check`: an index against its Arrow files. */
export const indexCheckCommand: Command = {
  name: "index check",
  summary:
    "Compares indexes with their Arrow files: existence, row counts, ranges, order, duplicates, bucket sizes.",
  usage,
  run: async (args, { stdout }) => {
    const { plain } = parseArguments(args, {}, usage);
    if (plain.length === 0) throw commandUsage("name at least one index", usage);
    let faults = 0;
    for (const path of plain) {
      const report = await checkIndex(path);
      for (const fault of report.faults) stdout.write(`fault: ${fault}\n`);
      for (const fact of report.facts) stdout.write(`  ${fact}\n`);
      stdout.write(`${path}: ${report.faults.length === 0 ? "sound" : `${report.faults.length} fault(s)`}\n`);
      faults += report.faults.length;
    }
    return faults === 0 ? 0 : 1;
  },
};

/** What a check found: faults that make the index unusable or wrong, and facts to know. */
export interface IndexReport {
  readonly faults: readonly string[];
  readonly facts: readonly string[];
}

/** Rows of a bucket that belong elsewhere are named up to this number. */
const NAMED = 5;

/**
 * Checks an index against its Arrow files. What `readIndex` refuses is one fault; every other check goes on to the end.
 * @param folder that relative paths start at
 */
export async function checkIndex(path: string, folder = "."): Promise<IndexReport> {
  const faults: string[] = [];
  const facts: string[] = [];
  let index: Index;
  try {
    index = await readIndex(path);
  } catch (error) {
    return { faults: [firstLine(error)], facts };
  }
  await checkFiles(index, path, folder, faults);
  if (faults.length > 0) return { faults, facts };
  const bucketOf = bucketsByRow(index, faults);
  const list = [...index.rows.keys()].filter((key) => key !== "").map(resolutionOf);
  const md5s = new Md5Map();
  let repeatedMd5s = 0;
  let withoutMd5 = 0;
  let unsized = 0;
  let misplaced = 0;
  for (const [i, name] of index.arrowFiles.entries()) {
    const start = index.cumLength[i - 1] ?? 0;
    const file = await ArrowFile.open(locateArrowFile(name, path, folder), true);
    try {
      if (file.has("md5"))
        eachBatch(file.column("md5"), (cells, { firstRow, rows }) => {
          for (let k = 0; k < rows; k++) {
            if (bucketOf.times[start + firstRow + k] === 0) continue;
            if (cells.kind !== "texts" || !isValid(cells.valid, k)) withoutMd5++;
            else if (md5s.enter(cells, k)) repeatedMd5s++;
          }
        });
      if (list.length === 0) continue;
      for (const batch of file.batches) {
        const { heights, widths } = batchSizes(file, batch);
        for (let k = 0; k < batch.rows; k++) {
          const row = start + batch.firstRow + k;
          const bucket = bucketOf.bucket[row];
          if (bucket === 0) continue;
          const size: Resolution = { height: heights[k], width: widths[k] };
          if (!(size.height >= 1 && size.width >= 1)) {
            unsized++;
            continue;
          }
          const [own] = [list[bucket - 1]];
          if (distance(own, size) <= distance(list[nearestResolution(list, size)], size)) continue;
          misplaced++;
          if (misplaced <= NAMED)
            faults.push(
              `${name}, row ${batch.firstRow + k}: ${size.height}x${size.width} lies in bucket ${own.height}x${own.width}, though ${keyOf(list[nearestResolution(list, size)])} is nearer`,
            );
        }
      }
    } catch (error) {
      faults.push(firstLine(error));
    } finally {
      await file.close();
    }
  }
  if (misplaced > NAMED) faults.push(`${misplaced - NAMED} more row(s) lie in the wrong bucket`);
  facts.push(`${index.arrowFiles.length} Arrow file(s), ${index.cumLength.at(-1) ?? 0} rows`);
  facts.push(`${bucketOf.entries} entries, ${bucketOf.distinct} different row(s)`);
  if (repeatedMd5s > 0)
    facts.push(`${repeatedMd5s} row(s) hold a picture that an earlier row holds (equal MD5)`);
  if (withoutMd5 > 0) facts.push(`${withoutMd5} row(s) have no MD5`);
  if (unsized > 0) facts.push(`${unsized} row(s) have no recorded size: their bucket was not checked`);
  const names = new Map<string, number>();
  for (const name of index.arrowFiles) names.set(name, (names.get(name) ?? 0) + 1);
  for (const [name, times] of names) if (times > 1) facts.push(`${name} is listed ${times} times`);
  return { faults, facts };
}

/** Existence and row counts: reading the columns makes sense only when these hold. */
async function checkFiles(index: Index, path: string, folder: string, faults: string[]): Promise<void> {
  for (const [i, name] of index.arrowFiles.entries()) {
    try {
      const file = await ArrowFile.open(locateArrowFile(name, path, folder));
      const recorded = index.cumLength[i] - (index.cumLength[i - 1] ?? 0);
      if (file.rows !== recorded)
        faults.push(`${name}: the index records ${recorded} rows, the file has ${file.rows}`);
      await file.close();
    } catch (error) {
      faults.push(firstLine(error));
    }
  }
}

interface Buckets {
  /** How often each row stands in the index, up to 255. */
  readonly times: Uint8Array;
  /** 1 + place of the row's bucket, 0 for none. */
  readonly bucket: Uint16Array;
  readonly entries: number;
  readonly distinct: number;
}

function bucketsByRow(index: Index, faults: string[]): Buckets {
  const total = index.cumLength.at(-1) ?? 0;
  const times = new Uint8Array(total);
  const bucket = new Uint16Array(total);
  let entries = 0;
  let distinct = 0;
  let twice = 0;
  for (const [place, rows] of [...index.rows.values()].entries()) {
    entries += rows.length;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      if (times[row] === 0) distinct++;
      if (bucket[row] !== 0 && bucket[row] !== place + 1) twice++;
      bucket[row] = place + 1;
      if (times[row] < 255) times[row]++;
    }
  }
  if (twice > 0) faults.push(`${twice} row(s) lie in more than one bucket`);
  return { times, bucket, entries, distinct };
}

function distance(bucket: Resolution, size: Resolution): number {
  return Math.abs(bucket.height / bucket.width - size.height / size.width);
}

function resolutionOf(key: string): Resolution {
  const [height = 0, width = 0] = key.split("x").map(Number);
  return { height, width };
}

function keyOf({ height, width }: Resolution): string {
  return `${height}x${width}`;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
