import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import {
  Binary,
  type Data,
  type DataType,
  Field,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Utf8,
} from "apache-arrow";

/** One packed row; the texts are in the order of the writer's `textColumns`, the first being `text_zh`. */
export interface PackedRow {
  readonly md5: string;
  readonly width: number;
  readonly height: number;
  readonly image: Uint8Array;
  readonly textZh: string | null;
  /** Further columns, in the order the writer was made with. */
  readonly extra: readonly (string | null)[];
}

/** Bytes of pictures after which a record batch is written; one batch is held in memory twice while it is. */
const BATCH_BYTES = 64 << 20;

/**
 * Writes one Arrow shard: the official five columns with fixed types, then further text columns. Rows go to `<path>.partial` in
 * record batches; `finish` syncs and renames, so a file of the final name is always whole.
 */
export class ArrowShard {
  readonly #schema: Schema;
  readonly #partial: string;
  readonly #fd: number;
  readonly #writer: FileWriter;
  #rows: PackedRow[] = [];
  #bytes = 0;

  constructor(
    readonly path: string,
    readonly extraColumns: readonly string[],
  ) {
    this.#schema = new Schema([
      new Field("text_zh", new Utf8(), true),
      new Field("md5", new Utf8(), true),
      new Field("width", new Int64(), true),
      new Field("height", new Int64(), true),
      new Field("image", new Binary(), true),
      ...extraColumns.map((name) => new Field(name, new Utf8(), true)),
    ]);
    this.#partial = `${path}.partial`;
    this.#fd = openSync(this.#partial, "w");
    this.#writer = new FileWriter(this.#fd);
    this.#writer.reset(undefined, this.#schema);
  }

  add(row: PackedRow): void {
    this.#rows.push(row);
    this.#bytes += row.image.byteLength;
    if (this.#bytes >= BATCH_BYTES) this.#flush();
  }

  /** Writes the footer, syncs and gives the file its name. */
  finish(): void {
    this.#flush();
    this.#writer.close();
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    renameSync(this.#partial, this.path);
    syncFolder(dirname(this.path));
  }

  /** Throws away what was written. */
  abandon(): void {
    closeSync(this.#fd);
    rmSync(this.#partial, { force: true });
  }

  #flush(): void {
    const rows = this.#rows;
    if (rows.length === 0) return;
    const columns: Data[] = [
      textData(rows.map((row) => row.textZh)),
      textData(rows.map((row) => row.md5)),
      intData(rows.map((row) => row.width)),
      intData(rows.map((row) => row.height)),
      bytesData(
        rows.map((row) => row.image),
        new Binary(),
      ),
      ...this.extraColumns.map((_, i) => textData(rows.map((row) => row.extra[i] ?? null))),
    ];
    const struct = makeData({
      type: new Struct(this.#schema.fields),
      length: rows.length,
      nullCount: 0,
      children: columns,
    });
    this.#writer.write(new RecordBatch(this.#schema, struct));
    this.#rows = [];
    this.#bytes = 0;
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

function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function textData(values: readonly (string | null)[]): Data {
  return bytesData(
    values.map((value) => (value === null ? null : Buffer.from(value, "utf8"))),
    new Utf8(),
  );
}

function bytesData(values: readonly (Uint8Array | null)[], type: Utf8 | Binary): Data {
  const valueOffsets = new Int32Array(values.length + 1);
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 64) * 8);
  let end = 0;
  let nullCount = 0;
  for (const [i, value] of values.entries()) {
    if (value === null) nullCount++;
    else {
      end += value.byteLength;
      nullBitmap[i >> 3] = (nullBitmap[i >> 3] ?? 0) | (1 << (i & 7));
    }
    valueOffsets[i + 1] = end;
  }
  const data = new Uint8Array(end);
  for (const [i, value] of values.entries()) if (value !== null) data.set(value, valueOffsets[i]);
  const shape = {
    length: values.length,
    nullCount,
    nullBitmap: nullCount > 0 ? nullBitmap : null,
    valueOffsets,
    data,
  };
  const made: Data<DataType> =
    type instanceof Utf8 ? makeData({ type, ...shape }) : makeData({ type, ...shape });
  return made;
}

function intData(values: readonly number[]): Data {
  return makeData({
    type: new Int64(),
    length: values.length,
    nullCount: 0,
    data: BigInt64Array.from(values, BigInt),
  });
}
