import { isUtf8 } from "node:buffer";
import { arrowColumn, arrowRow, arrowUnreadable } from "../errors.js";
import type { ArrowFile, Batch } from "./arrow-file.js";
import type { CellLayout, NumberLayout } from "./arrow-schema.js";
import { unpacked } from "./unpacked-buffers.js";

/** A cell as it is stored: text, number, truth value, bytes, or null. */
export type Cell = string | number | boolean | Uint8Array | null;

/** Place of one buffer in the file. */
export interface BufferPlace {
  readonly at: number;
  readonly bytes: number;
}

const REPACK = "pack the shard again";

/** Cells of one column, read by row number of the file. */
export class ArrowColumn {
  readonly #dictionary: ArrowColumn | undefined;

  constructor(
    readonly source: ArrowFile,
    readonly name: string,
    readonly layout: CellLayout,
    readonly place: { readonly node: number; readonly buffer: number },
    readonly batches: readonly Batch[] = source.batches,
  ) {
    if (layout.kind === "dictionary")
      this.#dictionary = new ArrowColumn(
        source,
        name,
        layout.values,
        { node: 0, buffer: 0 },
        source.dictionaries.get(layout.id) ?? [],
      );
  }

  /** The values that a dictionary column's keys point to. */
  get dictionary(): ArrowColumn | undefined {
    return this.#dictionary;
  }

  get rows(): number {
    const last = this.batches.at(-1);
    return last === undefined ? 0 : last.firstRow + last.rows;
  }

  /** The cell of a row; int64 comes as a double. @throws HYFW_ARROW_ROW beyond 2^53, and for text that is not UTF-8 */
  async cell(row: number): Promise<Cell> {
    const { batch, i } = this.#find(row);
    await this.source.prepare(batch);
    if (this.layout.kind === "null" || (await this.#isNull(batch, i))) return null;
    const value = await this.#value(batch, i, this.layout, row);
    if (this.#dictionary === undefined) return value;
    return this.#dictionary.cell(Number(value));
  }

  /** Length of a bytes or text cell without reading it; 0 for null. */
  async byteLength(row: number): Promise<number> {
    if (this.layout.kind !== "bytes") return 0;
    const { batch, i } = this.#find(row);
    await this.source.prepare(batch);
    if (await this.#isNull(batch, i)) return 0;
    const [start, end] = await this.#bounds(batch, i, this.layout.offsetBytes, row);
    return end - start;
  }

  /** A bytes cell. @throws HYFW_ARROW_COLUMN when the column holds something else */
  async bytes(row: number): Promise<Uint8Array | null> {
    const value = await this.cell(row);
    if (value === null || value instanceof Uint8Array) return value;
    throw arrowColumn(this.source.path, this.name, `holds ${typeof value}s, expected binary`, REPACK);
  }

  /** The cell as text; numbers and truth values are written out. */
  async text(row: number): Promise<string | null> {
    const value = await this.cell(row);
    if (value === null) return null;
    return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : String(value);
  }

  /** The cell as a number; text that is no number, and null, give NaN. */
  async number(row: number): Promise<number> {
    const value = await this.cell(row);
    if (typeof value === "number") return value;
    return typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  }

  /** Nulls of this column in a batch. */
  nulls(batch: Batch): number {
    return this.layout.kind === "null" ? batch.rows : this.source.header(batch).nodeNulls(this.place.node);
  }

  /** Where a buffer of this column lies: 0 validity, 1 offsets or values, 2 data. */
  bufferPlace(batch: Batch, i: number): BufferPlace {
    const header = this.source.header(batch);
    const buffer = this.place.buffer + i;
    return { at: batch.bodyAt + header.bufferAt(buffer), bytes: header.bufferBytes(buffer) };
  }

  /** A whole buffer, unpacked. */
  wholeBuffer(batch: Batch, i: number): Buffer {
    const place = this.bufferPlace(batch, i);
    const { codec } = this.source.header(batch);
    return codec === undefined
      ? this.source.file.readPagedSync(place.at, place.bytes)
      : unpacked(this.source, place);
  }

  #find(row: number): { batch: Batch; i: number } {
    let low = 0;
    let high = this.batches.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const batch = this.batches[middle];
      if (row < batch.firstRow) high = middle - 1;
      else if (row >= batch.firstRow + batch.rows) low = middle + 1;
      else return { batch, i: row - batch.firstRow };
    }
    if (this.batches !== this.source.batches)
      throw arrowUnreadable(
        this.source.path,
        `column ${JSON.stringify(this.name)} points to dictionary value ${row} of ${this.rows}`,
        REPACK,
      );
    throw new RangeError(`row ${row} lies outside of ${this.source.path} (${this.source.rows} rows)`);
  }

  /** Bytes [from, from + length) of a buffer. */
  async #read(batch: Batch, i: number, from: number, length: number): Promise<Buffer> {
    const { codec } = this.source.header(batch);
    const place = this.bufferPlace(batch, i);
    const whole = codec === undefined ? undefined : unpacked(this.source, place);
    const bytes = whole?.length ?? place.bytes;
    if (from < 0 || length < 0 || from + length > bytes)
      throw arrowUnreadable(
        this.source.path,
        `column ${JSON.stringify(this.name)} points to bytes ${from}..${from + length} of ${bytes}`,
        REPACK,
      );
    return whole?.subarray(from, from + length) ?? this.source.file.read(place.at + from, length);
  }

  async #isNull(batch: Batch, i: number): Promise<boolean> {
    // The bitmap decides, not the recorded number of nulls; without nulls a writer may leave it out.
    if (this.source.header(batch).bufferBytes(this.place.buffer) === 0) return false;
    const byte = (await this.#read(batch, 0, i >> 3, 1))[0] ?? 0;
    return (byte & (1 << (i & 7))) === 0;
  }

  async #bounds(batch: Batch, i: number, offsetBytes: 4 | 8, row: number): Promise<[number, number]> {
    const pair = await this.#read(batch, 1, i * offsetBytes, 2 * offsetBytes);
    const [start, end] =
      offsetBytes === 4
        ? [pair.readInt32LE(0), pair.readInt32LE(4)]
        : [Number(pair.readBigInt64LE(0)), Number(pair.readBigInt64LE(8))];
    if (start < 0 || end < start)
      throw arrowRow(
        this.source.path,
        row,
        `column ${JSON.stringify(this.name)} lies at ${start}..${end}`,
        REPACK,
      );
    return [start, end];
  }

  async #value(batch: Batch, i: number, layout: CellLayout, row: number): Promise<Cell> {
    if (layout.kind === "bytes") {
      const [start, end] = await this.#bounds(batch, i, layout.offsetBytes, row);
      const bytes = await this.#read(batch, 2, start, end - start);
      if (!layout.text) return bytes;
      if (!isUtf8(bytes))
        throw arrowRow(
          this.source.path,
          row,
          `the text of ${JSON.stringify(this.name)} is not UTF-8`,
          REPACK,
        );
      return bytes.toString("utf8");
    }
    if (layout.kind === "bool")
      return (((await this.#read(batch, 1, i >> 3, 1))[0] ?? 0) >> (i & 7)) % 2 === 1;
    const number = layout.kind === "dictionary" ? layout.keys : layout;
    if (number.kind !== "number") return null;
    const bytes = await this.#read(batch, 1, i * number.bytes, number.bytes);
    const value = readNumber(bytes, number);
    if (number.format !== "float" && !Number.isSafeInteger(value))
      throw arrowRow(
        this.source.path,
        row,
        `${JSON.stringify(this.name)} is beyond 2^53, where doubles skip numbers`,
        "store it as text",
      );
    return value;
  }
}

function readNumber(bytes: Buffer, { bytes: width, format }: NumberLayout): number {
  if (format === "float") return width === 4 ? bytes.readFloatLE(0) : bytes.readDoubleLE(0);
  if (width === 8) return Number(format === "int" ? bytes.readBigInt64LE(0) : bytes.readBigUInt64LE(0));
  return format === "int" ? bytes.readIntLE(0, width) : bytes.readUIntLE(0, width);
}
