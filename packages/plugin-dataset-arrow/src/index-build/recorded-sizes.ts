import type { Resolution } from "@hyfw/core";
import type { ArrowFile, Batch } from "../arrow/arrow-file.js";
import { type BatchCells, batchCells, isValid } from "../arrow/batch-cells.js";
import { arrowRow, indexDifference } from "../errors.js";
import { decodeWhole } from "../pack/check-picture.js";
import { pictureSize } from "../read-pixels.js";
import { imageColumnOf } from "./build-index.js";
import type { Md5Map } from "./md5-map.js";
import { pythonInt } from "./python-text.js";

/** Height and width of every row of one batch, each NaN where the columns do not tell. */
export interface BatchSizes {
  readonly heights: Float64Array;
  readonly widths: Float64Array;
}

/** The recorded sizes of a batch as Python's `int` reads them: text of digits passes, floats are cut down. */
export function batchSizes(file: ArrowFile, batch: Batch): BatchSizes {
  return { heights: sides(file, "height", batch), widths: sides(file, "width", batch) };
}

function sides(file: ArrowFile, name: string, batch: Batch): Float64Array {
  if (!file.has(name)) return new Float64Array(batch.rows).fill(Number.NaN);
  const cells: BatchCells = batchCells(file.column(name), batch);
  if (cells.kind === "nulls") return new Float64Array(batch.rows).fill(Number.NaN);
  if (cells.kind === "numbers") {
    const { values, valid } = cells;
    for (let i = 0; i < values.length; i++) {
      const side = Math.trunc(values[i]);
      values[i] = side >= 1 && side < 2 ** 24 && isValid(valid, i) ? side : Number.NaN;
    }
    return values;
  }
  const { bytes, starts, ends, valid } = cells;
  return Float64Array.from({ length: batch.rows }, (_, i) => {
    const side = isValid(valid, i) ? pythonInt(bytes.toString("utf8", starts[i], ends[i])) : undefined;
    return side !== undefined && side >= 1 && side < 2 ** 24 ? side : Number.NaN;
  });
}

const TODO =
  "give the shard width and height columns, or pack it again; with --md5-file sizes come from a JSON file";

/** How rows without recorded size are sized. */
export interface OtherSizes {
  /** Sizes by MD5, which come before the picture's own. */
  readonly known?: Md5Map | undefined;
  /** Whether a picture's size is taken as the official tool does: not turned, and 256 x 256 when it does not decode. */
  readonly asOfficial?: boolean;
}

/** A size, and whether the picture's EXIF orientation changed it. */
export interface OtherSize extends Resolution {
  readonly isTurned: boolean;
}

/**
 * The size of a row that has none recorded: of the MD5 file, else of the decoded picture.
 * @throws HYFW_ARROW_ROW without picture, HYFW_INDEX_DIFFERENCE when it does not decode
 */
export async function otherSize(
  file: ArrowFile,
  row: number,
  { known, asOfficial = false }: OtherSizes,
): Promise<OtherSize> {
  const md5 = known !== undefined && file.has("md5") ? await file.column("md5").text(row) : null;
  const packed = md5 === null ? undefined : known?.get(md5);
  if (packed !== undefined)
    return { height: Math.floor(packed / 2 ** 24), width: packed % 2 ** 24, isTurned: false };
  const image = imageColumnOf(file);
  const bytes = file.has(image) ? await file.column(image).bytes(row) : null;
  if (bytes === null) throw arrowRow(file.path, row, "it has neither a recorded size nor a picture", TODO);
  try {
    const turned = await decodeWhole(bytes);
    const stored = await pictureSize(bytes, "stored");
    const isTurned = stored.height !== turned.height;
    return { ...(asOfficial ? stored : turned), isTurned };
  } catch (cause) {
    if (asOfficial) return { height: 256, width: 256, isTurned: false };
    const why = cause instanceof Error ? cause.message : String(cause);
    throw indexDifference(
      { file: file.path, row },
      "undecodable-size",
      `it has no recorded size and its picture does not decode: ${why}`,
      `${TODO}; the official tool takes it for 256 x 256`,
    );
  }
}
