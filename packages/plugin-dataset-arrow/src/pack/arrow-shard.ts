import { closeSync, fstatSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import {
  Binary,
  type Data,
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Utf8,
} from "apache-arrow";

/** One packed row beside its picture. */
export interface PackedRow {
  readonly md5: string;
  readonly width: number;
  readonly height: number;
  readonly textZh: string | null;
  /** Further columns, in the order and of the types that the shard was made with. */
  readonly extra: readonly (string | number | null)[];
}

/** A column beside the official five. */
export interface ExtraColumn {
  readonly name: string;
  readonly type: "text" | "number";
}

/** Bytes of pictures after which a record batch is written. */
const BATCH_BYTES = 48 << 20;

/** Rows after which a record batch is written, however small their pictures are. */
const BATCH_ROWS = 10_000;

/**
 * Writes one Arrow shard: the official five columns with fixed types, then further columns. Rows go to a partial file in record
 * batches; `finish` syncs and renames, so a file of the final name is always whole. Memory is one batch of pictures.
 */
export class ArrowShard {
  readonly #schema: Schema;
  readonly #fd: number;
  readonly #writer: FileWriter;
  #rows: PackedRow[] = [];
  #images = Buffer.allocUnsafeSlow(0);
  #ends: number[] = [];
  #bytes = 0;
  #textUnits = 0;
  /** Rows added so far. */
  count = 0;

  /** @param partial where it is written until it is whole, in the folder of the final path */
  constructor(
    readonly partial: string,
    readonly extraColumns: readonly ExtraColumn[],
  ) {
    this.#schema = new Schema([
      new Field("text_zh", new Utf8(), true),
      new Field("md5", new Utf8(), true),
      new Field("width", new Int64(), true),
      new Field("height", new Int64(), true),
      new Field("image", new Binary(), true),
      ...extraColumns.map(
        ({ name, type }) => new Field(name, type === "text" ? new Utf8() : new Float64(), true),
      ),
    ]);
    this.#fd = openSync(partial, "w");
    this.#writer = new FileWriter(this.#fd);
    this.#writer.reset(undefined, this.#schema);
  }

  /** Takes a row; the picture's bytes are copied, so they may be reused. */
  add(row: PackedRow, image: Uint8Array): void {
    const isFull = this.#bytes + image.byteLength > BATCH_BYTES || this.#textUnits > BATCH_BYTES / 4;
    if (this.#rows.length > 0 && (isFull || this.#rows.length === BATCH_ROWS)) this.#flush();
    if (this.#bytes + image.byteLength > this.#images.byteLength) {
      const larger = Buffer.allocUnsafeSlow(
        Math.max(image.byteLength, Math.min(BATCH_BYTES, 4 * (this.#bytes + image.byteLength))),
      );
      larger.set(this.#images.subarray(0, this.#bytes));
      this.#images = larger;
    }
    this.#images.set(image, this.#bytes);
    this.#bytes += image.byteLength;
    this.#ends.push(this.#bytes);
    this.#rows.push(row);
    for (const cell of [row.textZh, ...row.extra])
      if (typeof cell === "string") this.#textUnits += cell.length;
    this.count++;
  }

  /** Writes the footer, syncs, and gives the file its name. @returns the bytes of the file */
  finish(path: string): number {
    this.#flush();
    this.#writer.close();
    fsyncSync(this.#fd);
    const bytes = fstatSync(this.#fd).size;
    closeSync(this.#fd);
    renameSync(this.partial, path);
    syncFolder(dirname(path));
    return bytes;
  }

  /** Throws away what was written. */
  abandon(): void {
    closeSync(this.#fd);
    rmSync(this.partial, { force: true });
  }

  #flush(): void {
    const rows = this.#rows;
    if (rows.length === 0) return;
    const columns: Data[] = [
      textData(rows.map((row) => row.textZh)),
      textData(rows.map((row) => row.md5)),
      intData(rows.map((row) => row.width)),
      intData(rows.map((row) => row.height)),
      makeData({
        type: new Binary(),
        length: rows.length,
        nullCount: 0,
        valueOffsets: Int32Array.of(0, ...this.#ends),
        data: this.#images.subarray(0, this.#bytes),
      }),
      ...this.extraColumns.map(({ type }, i) => {
        const cells = rows.map((row) => row.extra[i] ?? null);
        return type === "text"
          ? textData(cells.map((cell) => (cell === null ? null : String(cell))))
          : floatData(cells);
      }),
    ];
    const struct = makeData({
      type: new Struct(this.#schema.fields),
      length: rows.length,
      nullCount: 0,
      children: columns,
    });
    this.#writer.write(new RecordBatch(this.#schema, struct));
    this.#rows = [];
    this.#ends = [];
    this.#bytes = 0;
    this.#textUnits = 0;
  }
}

/** Sends every piece straight to the file: the library's own streams queue the whole file in memory. */
class FileWriter extends RecordBatchFileWriter {
  constructor(readonly fd: number) {
    super();
  }
  protected override _write(chunk: ArrayBufferView): this {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let done = 0;
    while (done < bytes.byteLength) done += writeSync(this.fd, bytes, done);
    this._position += bytes.byteLength;
    return this;
  }
}

/** Makes a rename in a folder last. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The bitmap of cells that are there, or null when all are. */
function validity(values: readonly unknown[]): { nullCount: number; nullBitmap: Uint8Array | null } {
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 64) * 8);
  let nullCount = 0;
  for (const [i, value] of values.entries())
    if (value === null) nullCount++;
    else nullBitmap[i >> 3] = (nullBitmap[i >> 3] ?? 0) | (1 << (i & 7));
  return { nullCount, nullBitmap: nullCount > 0 ? nullBitmap : null };
}

function textData(values: readonly (string | null)[]): Data {
  const valueOffsets = new Int32Array(values.length + 1);
  const cells = values.map((value) => Buffer.from(value ?? "", "utf8"));
  let end = 0;
  for (const [i, cell] of cells.entries()) {
    end += cell.byteLength;
    valueOffsets[i + 1] = end;
  }
  const data = Buffer.concat(cells);
  return makeData({ type: new Utf8(), length: values.length, ...validity(values), valueOffsets, data });
}

function floatData(values: readonly (string | number | null)[]): Data {
  return makeData({
    type: new Float64(),
    length: values.length,
    ...validity(values),
    data: Float64Array.from(values, (value) => Number(value ?? 0)),
  });
}

function intData(values: readonly number[]): Data {
  return makeData({
    type: new Int64(),
    length: values.length,
    nullCount: 0,
    data: BigInt64Array.from(values, BigInt),
  });
}
