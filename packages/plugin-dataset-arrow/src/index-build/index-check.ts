import type { Resolution } from "@hyfw/core";
import { ArrowFile, type Batch } from "../arrow/arrow-file.js";
import { eachBatch, isValid } from "../arrow/batch-cells.js";
import { type Command, parseArguments } from "../command-arguments.js";
import { commandUsage } from "../errors.js";
import { pictureSize } from "../read-pixels.js";
import { nearestResolution, resolutionKey } from "../resolutions.js";
import { imageColumnOf } from "./build-index.js";
import { locateArrowFile } from "./find-files.js";
import { type Index, readIndex } from "./index-file.js";
import { Md5Map } from "./md5-map.js";
import { batchSizes } from "./recorded-sizes.js";

const usage = "hyfw index check <json> ... [--pictures]";

/** `hyfw index check`: an index against its Arrow files. */
export const indexCheckCommand: Command = {
  name: "index check",
  summary:
    "Compares indexes with their Arrow files: existence, row counts, ranges, order, duplicates, bucket sizes; --pictures reads the size of every picture too.",
  usage,
  run: async (args, { stdout }) => {
    const { plain, flags } = parseArguments(args, { "--pictures": "none" }, usage);
    if (plain.length === 0) throw commandUsage("name at least one index", usage);
    let faults = 0;
    for (const path of plain) {
      const report = await checkIndex(path, { readsPictures: flags.has("--pictures") });
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

/** Rows with one kind of fault are named up to this number. */
const NAMED = 5;

/** Faults of rows: the first ones in full, the others counted. */
class RowFaults {
  readonly #named: string[] = [];
  #count = 0;

  constructor(readonly what: string) {}

  add(fault: string): void {
    if (++this.#count <= NAMED) this.#named.push(fault);
  }

  list(): string[] {
    const more = this.#count - this.#named.length;
    return more === 0 ? this.#named : [...this.#named, `${more} more row(s) ${this.what}`];
  }
}

/**
 * Checks an index against its Arrow files. What `readIndex` refuses is one fault; files that are missing or hold other
 * rows than recorded end the check, since row numbers mean nothing then.
 * @param folder that relative paths start at
 */
export async function checkIndex(
  path: string,
  { folder = ".", readsPictures = false }: { folder?: string; readsPictures?: boolean } = {},
): Promise<IndexReport> {
  let index: Index;
  try {
    index = await readIndex(path);
  } catch (error) {
    return { faults: [firstLine(error)], facts: [] };
  }
  const faults = await fileFaults(index, path, folder);
  if (faults.length > 0) return { faults, facts: [] };
  const entered = enteredRows(index);
  if (entered.inTwoBuckets > 0) faults.push(`${entered.inTwoBuckets} row(s) lie in more than one bucket`);
  const list = [...index.rows.keys()].filter((key) => key !== "").map(resolutionOf);
  const md5s = { map: new Md5Map(), repeated: 0, without: 0 };
  const misplaced = new RowFaults("lie in the wrong bucket");
  const contradicted = new RowFaults("have a picture of another size than recorded");
  let unsized = 0;
  for (const [i, name] of index.arrowFiles.entries()) {
    const start = index.cumLength[i - 1] ?? 0;
    const file = await ArrowFile.open(locateArrowFile(name, path, folder), true);
    try {
      countMd5s(file, entered.bucket.subarray(start), md5s);
      for (const batch of file.batches) {
        const buckets = entered.bucket.subarray(start + batch.firstRow, start + batch.firstRow + batch.rows);
        if (list.length > 0) unsized += checkBuckets(file, batch, { buckets, list, name, misplaced });
        if (readsPictures) await checkPictures(file, batch, { buckets, name, contradicted });
      }
    } catch (error) {
      faults.push(firstLine(error));
    } finally {
      await file.close();
    }
  }
  faults.push(...misplaced.list(), ...contradicted.list());
  const facts = [
    `${index.arrowFiles.length} Arrow file(s), ${index.cumLength.at(-1) ?? 0} rows`,
    `${entered.entries} entries, ${entered.distinct} different row(s)`,
  ];
  if (md5s.repeated > 0)
    facts.push(`${md5s.repeated} row(s) hold a picture that an earlier row holds (equal MD5)`);
  if (md5s.without > 0) facts.push(`${md5s.without} row(s) have no MD5`);
  if (unsized > 0) facts.push(`${unsized} row(s) have no recorded size: their bucket was not checked`);
  return { faults, facts: [...facts, ...filesTwice(index)] };
}

/** Existence and row counts. */
async function fileFaults(index: Index, path: string, folder: string): Promise<string[]> {
  const faults: string[] = [];
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
  return faults;
}

function filesTwice({ arrowFiles }: Index): string[] {
  const times = new Map<string, number>();
  for (const name of arrowFiles) times.set(name, (times.get(name) ?? 0) + 1);
  return [...times]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => `${name} is listed ${count} times`);
}

interface Entered {
  /** By global row: 1 + place of its bucket, 0 when the row is not in the index. */
  readonly bucket: Uint16Array;
  readonly entries: number;
  readonly distinct: number;
  readonly inTwoBuckets: number;
}

function enteredRows(index: Index): Entered {
  const bucket = new Uint16Array(index.cumLength.at(-1) ?? 0);
  let entries = 0;
  let distinct = 0;
  let inTwoBuckets = 0;
  for (const [place, rows] of [...index.rows.values()].entries()) {
    entries += rows.length;
    for (let i = 0; i < rows.length; i++) {
      const before = bucket[rows[i]];
      if (before === 0) distinct++;
      else if (before !== place + 1) inTwoBuckets++;
      bucket[rows[i]] = place + 1;
    }
  }
  return { bucket, entries, distinct, inTwoBuckets };
}

function countMd5s(
  file: ArrowFile,
  buckets: Uint16Array,
  md5s: { readonly map: Md5Map; repeated: number; without: number },
): void {
  if (!file.has("md5")) return;
  eachBatch(file.column("md5"), (cells, { firstRow, rows }) => {
    for (let k = 0; k < rows; k++) {
      if (buckets[firstRow + k] === 0) continue;
      if (cells.kind !== "texts" || !isValid(cells.valid, k)) md5s.without++;
      else if (md5s.map.enter(cells, k)) md5s.repeated++;
    }
  });
}

/** Compares each row's bucket with the one nearest to its recorded size; gives the number of rows without one. */
function checkBuckets(
  file: ArrowFile,
  batch: Batch,
  {
    buckets,
    list,
    name,
    misplaced,
  }: { buckets: Uint16Array; list: readonly Resolution[]; name: string; misplaced: RowFaults },
): number {
  const { heights, widths } = batchSizes(file, batch);
  let unsized = 0;
  for (let k = 0; k < batch.rows; k++) {
    if (buckets[k] === 0) continue;
    const size: Resolution = { height: heights[k], width: widths[k] };
    if (!(size.height >= 1 && size.width >= 1)) {
      unsized++;
      continue;
    }
    const own = list[buckets[k] - 1];
    const nearest = list[nearestResolution(list, size)];
    if (distance(own, size) > distance(nearest, size))
      misplaced.add(
        `${name}, row ${batch.firstRow + k}: ${resolutionKey(size)} lies in bucket ${resolutionKey(own)}, though ${resolutionKey(nearest)} is nearer`,
      );
  }
  return unsized;
}

/** Compares the recorded size with that of the picture, turned as its EXIF orientation says. */
async function checkPictures(
  file: ArrowFile,
  batch: Batch,
  { buckets, name, contradicted }: { buckets: Uint16Array; name: string; contradicted: RowFaults },
): Promise<void> {
  const { heights, widths } = batchSizes(file, batch);
  const image = file.column(imageColumnOf(file));
  for (let k = 0; k < batch.rows; k++) {
    if (buckets[k] === 0) continue;
    const row = batch.firstRow + k;
    const bytes = await image.bytes(row);
    const recorded = resolutionKey({ height: heights[k], width: widths[k] });
    const found =
      bytes === null
        ? "there is none"
        : await pictureSize(bytes, "exif").then(resolutionKey, (error: unknown) => firstLine(error));
    if (found !== recorded)
      contradicted.add(`${name}, row ${row}: recorded ${recorded}, its picture: ${found}`);
  }
}

function distance(bucket: Resolution, size: Resolution): number {
  return Math.abs(bucket.height / bucket.width - size.height / size.width);
}

function resolutionOf(key: string): Resolution {
  const [height = 0, width = 0] = key.split("x").map(Number);
  return { height, width };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
