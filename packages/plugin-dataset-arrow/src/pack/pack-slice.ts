import { join, resolve } from "node:path";
import { packRuleFailed } from "../errors.js";
import { ArrowShard } from "./arrow-shard.js";
import {
  type CheckedPicture,
  checkFileSize,
  checkPicture,
  PictureRefused,
  readPicture,
} from "./check-picture.js";
import type { DuplicateFinder } from "./duplicates.js";
import { mapInOrder } from "./map-in-order.js";
import type { PackFolder } from "./pack-folder.js";
import type { PackOptions } from "./pack-options.js";
import { hashText, perceptualHash } from "./phash.js";
import type { ColumnPlan, RowColumns } from "./row-columns.js";
import { RowCounts } from "./row-counts.js";
import type { PackRules, RowFacts } from "./rules.js";
import { type LedgerLine, PartWriter } from "./slice-part.js";
import type { Refusal, SliceRange, Source, SourceRow, Survey } from "./source.js";
import { Thumbs } from "./thumbs.js";

/** What the rows of a pack go through. */
export interface PackWork {
  readonly sourceName: string;
  readonly source: Source;
  readonly survey: Survey;
  /** Folder that relative picture paths start at. */
  readonly base: string;
  /** Working directory, which the new part of a path prefix starts at. */
  readonly cwd: string;
  readonly options: PackOptions;
  readonly columns: ColumnPlan;
  readonly rules: PackRules;
  readonly folder: PackFolder;
  readonly inFlight: number;
  readonly signal: AbortSignal | undefined;
  /** Called after every row. */
  readonly onRow: (bytes: number) => void;
  /** Called at each place where a kill would leave something else on disk. */
  readonly onStep: (step: string) => void;
}

interface Judged {
  readonly row: SourceRow;
  readonly read?: RowColumns;
  readonly picture?: CheckedPicture;
  readonly phash?: string;
  readonly refusal?: Refusal;
  /** Bytes of a refused picture, when they were read. */
  readonly bytes?: Uint8Array | undefined;
}

/**
 * Packs one slice: its shard, then its part of the ledger. The part gets its name last; a slice without one is not done.
 * @param duplicates refuses repeats at once, which is right only when all earlier slices have gone through it
 */
export async function packSlice(
  work: PackWork,
  slice: number,
  range: SliceRange,
  duplicates: DuplicateFinder | undefined,
): Promise<void> {
  const { folder, columns, options } = work;
  folder.clearSlice(slice);
  const mark = `${process.pid}.partial`;
  const part = new PartWriter(`${folder.part(slice)}.${mark}`);
  const counts = new RowCounts();
  const thumbs = new Thumbs(options.maxPixels);
  let shard: ArrowShard | undefined;
  let isFinished = false;
  let rows = 0;
  try {
    work.onStep("slice begun");
    const source = work.source.rows(range, work.survey);
    for await (const judged of mapInOrder(source, work.inFlight, (row) => judge(work, row))) {
      work.signal?.throwIfAborted();
      rows++;
      const { row, read, picture } = judged;
      const repeated =
        judged.refusal === undefined && picture !== undefined
          ? duplicates?.add(row.row, picture.md5, judged.phash)
          : undefined;
      const refusal =
        judged.refusal ?? (repeated && { reason: repeated.reason, detail: `of row ${repeated.of}` });
      if (refusal !== undefined || read === undefined || picture === undefined) {
        const why = refusal ?? { reason: "unknown", detail: "" };
        await thumbs.add(row.row, why.reason, () => bytesFor(work, judged));
        part.add({ ...startOf(row), status: "refused", ...why });
      } else {
        shard ??= new ArrowShard(`${folder.shard(slice)}.${mark}`, columns.extra);
        part.add(keep({ row, read, picture, phash: judged.phash }, shard, { folder, slice, options }));
        counts.add(read.captions, read.tags);
      }
      if (rows % 64 === 0) work.onStep("rows");
      work.onRow(picture?.bytes.byteLength ?? 0);
    }
    work.onStep("rows done");
    const kept = shard?.count ?? 0;
    const file = folder.shardFile(slice);
    const bytes = shard?.finish(folder.shard(slice)) ?? 0;
    shard = undefined;
    work.onStep("shard named");
    part.finish(
      {
        end: true,
        rows,
        kept,
        shard: kept === 0 ? null : { file, bytes },
        ...counts.toPart(),
        thumbs: thumbs.taken,
      },
      folder.part(slice),
    );
    isFinished = true;
    work.onStep("part named");
  } finally {
    shard?.abandon();
    if (!isFinished) {
      part.abandon();
      folder.clearSlice(slice);
    }
  }
}

/** Adds a row to the shard. @returns its ledger line */
function keep(
  {
    row,
    read,
    picture,
    phash,
  }: { row: SourceRow; read: RowColumns; picture: CheckedPicture; phash: string | undefined },
  shard: ArrowShard,
  { folder, slice, options }: { folder: PackFolder; slice: number; options: PackOptions },
): LedgerLine {
  const { md5, width, height, orientation, bytes } = picture;
  const at = shard.count;
  const extra = options.phash ? [...read.extra, phash ?? null] : read.extra;
  shard.add({ md5, width, height, textZh: read.captions.get("text_zh") ?? null, extra }, bytes);
  const repairs = [
    ...row.repairs,
    ...read.repairs,
    ...(orientation > 1 ? [`size turned by EXIF orientation ${orientation}`] : []),
  ];
  return {
    ...startOf(row),
    status: repairs.length > 0 ? "repaired" : "kept",
    ...(repairs.length > 0 && { repairs }),
    shard: folder.shardFile(slice),
    at,
    width,
    height,
    md5,
    ...(phash !== undefined && { phash }),
  };
}

function startOf({ row, line, picture }: SourceRow): Pick<LedgerLine, "row" | "line" | "image"> {
  const image = "path" in picture ? picture.path : picture.name;
  return { row, ...(line !== null && { line }), image };
}

/** Reads, decodes and asks the rules; everything about a row that no other row can change. */
async function judge(work: PackWork, row: SourceRow): Promise<Judged> {
  const { options, columns, rules, survey } = work;
  if (row.refusal !== undefined) return { row, refusal: row.refusal };
  const { line, picture: place } = row;
  const image = "path" in place ? place.path : place.name;
  if (("path" in place ? place.path : place.bytes) === null)
    return { row, refusal: { reason: "no picture path", detail: "the field is empty" } };
  const broken = row.cells.findIndex((cell) => cell !== null && /\p{Surrogate}/u.test(cell));
  if (broken >= 0)
    return {
      row,
      refusal: {
        reason: "text damaged",
        detail: `${survey.columns[broken]} holds half a character (a lone surrogate)`,
      },
    };
  const read = columns.read(row.cells);
  if ("reason" in read) return { row, refusal: read };
  const cells = new Map(survey.columns.map((name, i) => [name, row.cells[i] ?? null]));
  const facts: RowFacts = {
    row: row.row,
    line,
    image,
    captions: read.captions,
    tags: read.tags,
    columns: cells,
  };
  const refusal = rules.forRow(facts);
  if (refusal !== undefined) return { row, refusal };
  let bytes: Uint8Array | undefined;
  try {
    bytes = await bytesOf(work, row);
    const picture = await checkPicture(bytes, options);
    const found = await rules.forPicture(facts, picture).catch((cause: unknown) => {
      throw packRuleFailed(rules.own.map(({ name }) => name).join(", "), work.sourceName, row.row, cause);
    });
    if (found !== undefined) return { row, refusal: found, bytes };
    const wantsHash = options.phash || options.duplicates === "perceptual";
    const phash =
      wantsHash && picture.grid !== undefined ? hashText(perceptualHash(picture.grid)) : undefined;
    return { row, read, picture, ...(phash !== undefined && { phash }) };
  } catch (error) {
    if (!(error instanceof PictureRefused)) throw error;
    return { row, refusal: { reason: error.reason, detail: error.detail }, bytes: error.bytes };
  }
}

/** The picture's bytes as they are stored. @throws PictureRefused */
async function bytesOf({ base, cwd, options }: PackWork, { picture }: SourceRow): Promise<Uint8Array> {
  if ("path" in picture)
    return readPicture(placeOf(picture.path ?? "", { base, cwd, prefixes: options.pathPrefix }), options);
  const bytes = picture.bytes ?? new Uint8Array();
  checkFileSize(bytes.byteLength, picture.name, options);
  return bytes;
}

/** Bytes for a thumbnail of a refused row, when there are any. */
async function bytesFor(
  work: PackWork,
  { row, bytes, picture, refusal }: Judged,
): Promise<Uint8Array | undefined> {
  if (bytes ?? picture?.bytes) return bytes ?? picture?.bytes;
  if (refusal?.reason === "too many pixels" || refusal?.reason === "file too large") return undefined;
  return bytesOf(work, row).catch(() => undefined);
}

/**
 * Where a picture lies: a path prefix is replaced, whole folders only, by one that starts at the working directory; other relative
 * paths start at the source's folder.
 */
export function placeOf(
  path: string,
  { base, cwd, prefixes }: { base: string; cwd: string; prefixes: readonly string[] },
): string {
  for (const prefix of prefixes) {
    const at = prefix.indexOf("=");
    const old = prefix.slice(0, at);
    const rest = path.slice(old.length);
    if (path.startsWith(old) && (old.endsWith("/") || rest === "" || rest.startsWith("/")))
      return join(resolve(cwd, prefix.slice(at + 1)), rest);
  }
  return resolve(base, path);
}
