import { isUtf8 } from "node:buffer";
import { arrowColumn, arrowUnreadable } from "../errors.js";
import type { ArrowColumn } from "./arrow-column.js";
import type { Batch } from "./arrow-file.js";
import type { NumberLayout } from "./arrow-schema.js";

/** All cells of a column in one batch, decoded at once. */
export type BatchCells =
  | { readonly kind: "numbers"; readonly values: Float64Array; readonly valid: Uint8Array | null }
  | TextCells
  | { readonly kind: "nulls" };

/** Texts or byte strings: cell i is `bytes[starts[i], ends[i])`. */
export interface TextCells {
  readonly kind: "texts";
  readonly bytes: Buffer;
  readonly starts: Int32Array | Float64Array;
  readonly ends: Int32Array | Float64Array;
  readonly valid: Uint8Array | null;
}

const REPACK = "pack the shard again";

/** Whether row i is there: `valid` is Arrow's bitmap, null when every row is. */
export function isValid(valid: Uint8Array | null, i: number): boolean {
  return valid === null || (valid[i >> 3] & (1 << (i & 7))) !== 0;
}

/**
 * The cells of a column in one batch as typed arrays: whole buffers are read, never one cell at a time. Truth values
 * are 0 and 1.
 * @throws HYFW_ARROW_COLUMN for text that is not UTF-8 or whole numbers beyond 2^53, HYFW_ARROW_UNREADABLE
 */
export function batchCells(column: ArrowColumn, batch: Batch): BatchCells {
  const { layout } = column;
  const { rows } = batch;
  if (layout.kind === "null" || rows === 0) return { kind: "nulls" };
  const valid = validity(column, batch);
  if (valid !== null && column.nulls(batch) === rows) return { kind: "nulls" };
  if (layout.kind === "bytes") return texts(column, batch, layout, valid);
  if (layout.kind === "bool") return { kind: "numbers", values: bits(column, batch), valid };
  if (layout.kind === "number") return { kind: "numbers", values: numbers(column, batch, layout), valid };
  if (layout.kind === "dictionary") return fromDictionary(column, batch, layout.keys, valid);
  throw arrowColumn(column.source.path, column.name, "has a type that hyfw does not read", REPACK);
}

/** Calls `use` with the cells of every batch that has rows, in order. */
export function eachBatch(column: ArrowColumn, use: (cells: BatchCells, batch: Batch) => void): void {
  for (const batch of column.batches) if (batch.rows > 0) use(batchCells(column, batch), batch);
}

/** The bitmap of rows that are there, null when all are. @throws HYFW_ARROW_UNREADABLE when the recorded count of nulls is another */
function validity(column: ArrowColumn, batch: Batch): Uint8Array | null {
  const { rows } = batch;
  const bitmap = column.wholeBuffer(batch, 0);
  const nulls = column.nulls(batch);
  if (bitmap.length === 0 && nulls === 0) return null;
  enough(column, bitmap, Math.ceil(rows / 8));
  let there = 0;
  for (let i = 0; i < rows; i++) there += (bitmap[i >> 3] >> (i & 7)) & 1;
  if (rows - there !== nulls)
    throw arrowUnreadable(
      column.source.path,
      `column ${JSON.stringify(column.name)} is said to hold ${nulls} nulls, but holds ${rows - there}`,
      REPACK,
    );
  return nulls === 0 ? null : bitmap;
}

function enough(column: ArrowColumn, buffer: Buffer, bytes: number): Buffer {
  if (buffer.length >= bytes) return buffer;
  throw arrowUnreadable(
    column.source.path,
    `column ${JSON.stringify(column.name)} has a buffer of ${buffer.length} bytes, expected at least ${bytes}`,
    REPACK,
  );
}

function bits(column: ArrowColumn, { rows, ...batch }: Batch): Float64Array {
  const buffer = enough(column, column.wholeBuffer({ rows, ...batch }, 1), Math.ceil(rows / 8));
  return Float64Array.from({ length: rows }, (_, i) => (buffer[i >> 3] >> (i & 7)) & 1);
}

function numbers(column: ArrowColumn, batch: Batch, { bytes: width, format }: NumberLayout): Float64Array {
  const { rows } = batch;
  const buffer = enough(column, column.wholeBuffer(batch, 1), rows * width);
  const memory = alignedMemory(buffer, rows * width);
  if (format === "float")
    return Float64Array.from(width === 4 ? new Float32Array(memory) : new Float64Array(memory));
  if (width === 8) return wide(column, memory, rows, format === "int");
  if (width === 4)
    return Float64Array.from(format === "int" ? new Int32Array(memory) : new Uint32Array(memory));
  if (width === 2)
    return Float64Array.from(format === "int" ? new Int16Array(memory) : new Uint16Array(memory));
  return Float64Array.from(format === "int" ? new Int8Array(memory) : new Uint8Array(memory));
}

/** Typed arrays need aligned memory; a buffer may begin anywhere. */
function alignedMemory(buffer: Buffer, bytes: number): ArrayBuffer {
  const memory = new ArrayBuffer(bytes);
  new Uint8Array(memory).set(buffer.subarray(0, bytes));
  return memory;
}

function wide(column: ArrowColumn, memory: ArrayBuffer, rows: number, signed: boolean): Float64Array {
  const low = new Uint32Array(memory);
  const high = new Int32Array(memory);
  const values = new Float64Array(rows);
  let isExact = true;
  for (let i = 0; i < rows; i++) {
    const top = signed ? high[2 * i + 1] : low[2 * i + 1];
    // 2^21 · 2^32 = 2^53
    if (top >= 0x200000 || top < -0x200000) isExact = false;
    values[i] = top * 4294967296 + low[2 * i];
  }
  if (!isExact)
    throw arrowColumn(
      column.source.path,
      column.name,
      "holds whole numbers beyond 2^53, where doubles skip numbers",
      "store them as text",
    );
  return values;
}

function texts(
  column: ArrowColumn,
  batch: Batch,
  { offsetBytes, text }: { offsetBytes: 4 | 8; text: boolean },
  valid: Uint8Array | null,
): TextCells {
  const { rows } = batch;
  const buffer = enough(column, column.wholeBuffer(batch, 1), (rows + 1) * offsetBytes);
  const memory = alignedMemory(buffer, (rows + 1) * offsetBytes);
  const offsets = offsetBytes === 4 ? new Int32Array(memory) : wide(column, memory, rows + 1, true);
  const bytes = column.wholeBuffer(batch, 2);
  let before = 0;
  for (let i = 0; i <= rows; i++) {
    const offset = offsets[i];
    if (offset < before || offset > bytes.length)
      throw arrowUnreadable(
        column.source.path,
        `row ${batch.firstRow + i} of column ${JSON.stringify(column.name)} ends at byte ${offset} of ${bytes.length}`,
        REPACK,
      );
    before = offset;
  }
  if (text && !isUtf8(bytes.subarray(offsets[0], offsets[rows])))
    throw arrowColumn(column.source.path, column.name, "holds text that is not UTF-8", REPACK);
  return { kind: "texts", bytes, starts: offsets.subarray(0, rows), ends: offsets.subarray(1), valid };
}

function fromDictionary(
  column: ArrowColumn,
  batch: Batch,
  layout: NumberLayout,
  valid: Uint8Array | null,
): BatchCells {
  const keys = numbers(column, batch, layout);
  const { dictionary } = column;
  if (dictionary === undefined) return { kind: "nulls" };
  const parts = dictionary.batches.map((part) => ({ part, cells: batchCells(dictionary, part) }));
  const size = dictionary.rows;
  const isThere = new Uint8Array(Math.ceil(keys.length / 8));
  const isText = parts.some(({ cells }) => cells.kind === "texts");
  const values = new Float64Array(isText ? 0 : keys.length);
  const starts = new Float64Array(isText ? keys.length : 0);
  const ends = new Float64Array(isText ? keys.length : 0);
  const bases: number[] = [];
  let base = 0;
  for (const { cells } of parts) {
    bases.push(base);
    if (cells.kind === "texts") base += cells.bytes.length;
  }
  for (let i = 0; i < keys.length; i++) {
    if (!isValid(valid, i)) continue;
    const key = keys[i];
    if (key < 0 || key >= size)
      throw arrowUnreadable(
        column.source.path,
        `row ${batch.firstRow + i} of column ${JSON.stringify(column.name)} points to dictionary value ${key} of ${size}`,
        REPACK,
      );
    let p = 0;
    while (key >= parts[p].part.firstRow + parts[p].part.rows) p++;
    const { part, cells } = parts[p];
    const at = key - part.firstRow;
    if (cells.kind === "nulls" || !isValid(cells.valid, at)) continue;
    isThere[i >> 3] |= 1 << (i & 7);
    if (cells.kind === "texts") {
      starts[i] = bases[p] + cells.starts[at];
      ends[i] = bases[p] + cells.ends[at];
    } else values[i] = cells.values[at];
  }
  if (!isText) return { kind: "numbers", values, valid: isThere };
  const bytes = Buffer.concat(
    parts.map(({ cells }) => (cells.kind === "texts" ? cells.bytes : Buffer.alloc(0))),
  );
  return { kind: "texts", bytes, starts, ends, valid: isThere };
}
