import { arrowColumn } from "../errors.js";
import type { ArrowFile } from "./arrow-file.js";
import type { CellLayout } from "./arrow-layout.js";

/** Where one buffer lies in the file. */
export interface BufferPlace {
  readonly at: number;
  readonly bytes: number;
}

/** The piece of a column that one record batch holds. */
export interface ColumnPart {
  readonly firstRow: number;
  readonly rows: number;
  readonly nullCount: number;
  readonly buffers: readonly (BufferPlace | undefined)[];
}

/** A cell as it is stored: text, number, truth value, bytes, or null. */
export type Cell = string | number | boolean | Uint8Array | null;

/** Cells of one column, read by row number of the file. */
export class ArrowColumn {
  #dictionary: ArrowColumn | undefined;

  constructor(
    readonly source: ArrowFile,
    readonly name: string,
    readonly layout: CellLayout,
    readonly parts: readonly ColumnPart[],
    dictionary: readonly ColumnPart[] | undefined,
  ) {
    if (layout.kind === "dictionary")
      this.#dictionary = new ArrowColumn(source, name, layout.values, dictionary ?? [], undefined);
  }

  /** The cell of a row; int64 comes as a double, exact up to 2^53. */
  async cell(row: number): Promise<Cell> {
    const part = this.#part(row);
    const i = row - part.firstRow;
    if (this.layout.kind === "null" || (await this.#isNull(part, i))) return null;
    const value = await this.#value(part, i, this.layout);
    if (this.#dictionary === undefined) return value;
    return this.#dictionary.cell(Number(value));
  }

  /** Length of a bytes or text cell without reading it; 0 for null. */
  async byteLength(row: number): Promise<number> {
    const part = this.#part(row);
    const i = row - part.firstRow;
    if (this.layout.kind !== "bytes") return 0;
    if (await this.#isNull(part, i)) return 0;
    const [start, end] = await this.#bounds(part, i, this.layout.offsetBytes);
    return end - start;
  }

  /** A bytes cell. @throws HYFW_ARROW_COLUMN when the column holds something else */
  async bytes(row: number): Promise<Uint8Array | null> {
    const value = await this.cell(row);
    if (value === null || value instanceof Uint8Array) return value;
    throw arrowColumn(
      this.source.path,
      this.name,
      `holds ${typeof value}s, expected binary`,
      "pack the shard again",
    );
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

  #part(row: number): ColumnPart {
    let low = 0;
    let high = this.parts.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const part = this.parts[middle] as ColumnPart;
      if (row < part.firstRow) high = middle - 1;
      else if (row >= part.firstRow + part.rows) low = middle + 1;
      else return part;
    }
    throw new RangeError(`row ${row} lies outside of ${this.source.path} (${this.source.rows} rows)`);
  }

  async #isNull(part: ColumnPart, i: number): Promise<boolean> {
    const validity = part.buffers[0];
    if (part.nullCount === 0 || validity === undefined || validity.bytes === 0) return false;
    const byte = (await this.source.file.read(validity.at + (i >> 3), 1))[0] ?? 0;
    return (byte & (1 << (i & 7))) === 0;
  }

  async #bounds(part: ColumnPart, i: number, offsetBytes: 4 | 8): Promise<[number, number]> {
    const offsets = part.buffers[1];
    if (offsets === undefined || offsets.bytes === 0) return [0, 0];
    const pair = await this.source.file.read(offsets.at + i * offsetBytes, 2 * offsetBytes);
    if (offsetBytes === 4) return [pair.readInt32LE(0), pair.readInt32LE(4)];
    return [Number(pair.readBigInt64LE(0)), Number(pair.readBigInt64LE(8))];
  }

  async #value(part: ColumnPart, i: number, layout: CellLayout): Promise<Cell> {
    const { file } = this.source;
    if (layout.kind === "bytes") {
      const [start, end] = await this.#bounds(part, i, layout.offsetBytes);
      const bytes = await file.read((part.buffers[2]?.at ?? 0) + start, end - start);
      return layout.text ? bytes.toString("utf8") : bytes;
    }
    const values = part.buffers[1]?.at ?? 0;
    if (layout.kind === "bool")
      return (((await file.read(values + (i >> 3), 1))[0] ?? 0) >> (i & 7)) % 2 === 1;
    const number = layout.kind === "dictionary" ? layout.keys : layout;
    if (number.kind !== "number") return null;
    const bytes = await file.read(values + i * number.bytes, number.bytes);
    return number.read(new DataView(bytes.buffer, bytes.byteOffset, number.bytes), 0);
  }
}
