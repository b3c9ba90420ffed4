import { arrowColumn, arrowUnreadable } from "../errors.js";
import { ArrowColumn } from "./arrow-column.js";
import { type ArrowField, readSchema } from "./arrow-schema.js";
import { type BatchHeader, bodyOf, checkBatch, readBlocks } from "./batch-header.js";
import { type BodyCodec, type CodecName, loadCodec } from "./body-codec.js";
import { FlatTable } from "./flat-table.js";
import { PagedFile } from "./paged-file.js";
import { forgetUnpacked } from "./unpacked-buffers.js";

const MAGIC = "ARROW1";
const REPACK = "pack the shard again, or rewrite it as an Arrow IPC file";
/** The end of a file that is read at once: most footers lie in it. */
const TAIL_BYTES = 1 << 14;

/** Headers of batches kept per file. */
const KEPT_HEADERS = 16;

/** One record batch: its rows, and where its metadata lies. Where its buffers lie is read when they are needed. */
export interface Batch {
  readonly firstRow: number;
  readonly rows: number;
  readonly metadataAt: number;
  readonly metadataBytes: number;
  readonly bodyAt: number;
  readonly bodyBytes: number;
}

/**
 * An Arrow IPC file opened lazily: footer and message metadata only, cells by offset. Any number of batches, 32- and
 * 64-bit offsets, any file size, LZ4 and Zstandard bodies; nothing is loaded whole.
 */
export class ArrowFile {
  readonly rows: number;
  readonly #columns = new Map<string, ArrowColumn>();
  readonly #headers = new Map<Batch, BatchHeader>();

  private constructor(
    readonly path: string,
    readonly file: PagedFile,
    readonly fields: readonly ArrowField[],
    readonly batches: readonly Batch[],
    /** Dictionary batches by dictionary id, in file order; a later one that is no delta takes the place of all before. */
    readonly dictionaries: ReadonlyMap<number, readonly Batch[]>,
    readonly codec: BodyCodec | undefined,
    /** The bytes of the footer: what identifies the layout of the file. */
    readonly footer: Buffer,
  ) {
    this.rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  }

  /**
   * @param readsColumns whether the caller reads small columns next: then the bytes around each batch's metadata are
   * read along, which halves the reads of a file with many batches
   * @throws HYFW_ARROW_UNREADABLE when the file is missing, cut short, a stream, or damaged
   */
  static async open(path: string, readsColumns = false): Promise<ArrowFile> {
    let file: PagedFile;
    try {
      file = PagedFile.open(path);
    } catch (cause) {
      throw arrowUnreadable(
        path,
        "the file cannot be opened",
        "check the path and its permissions; the index may name shards that have moved",
        cause,
      );
    }
    try {
      const footer = readFooter(path, file, readsColumns);
      const codec = footer.codec === undefined ? undefined : await loadCodec(footer.codec);
      const { fields, batches, dictionaries, bytes } = footer;
      return new ArrowFile(path, file, fields, batches, dictionaries, codec, bytes);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.fields.some((field) => field.name === name);
  }

  /** @throws HYFW_ARROW_COLUMN when the column is missing or of a type hyfw does not read */
  column(name: string): ArrowColumn {
    const known = this.#columns.get(name);
    if (known !== undefined) return known;
    const field = this.fields.find((candidate) => candidate.name === name);
    if (field === undefined)
      throw arrowColumn(
        this.path,
        name,
        `is missing; the file has ${this.fields.map((f) => f.name).join(", ")}`,
        REPACK,
      );
    const { layout, place } = field;
    if (layout.kind === "other" || (layout.kind === "dictionary" && layout.values.kind === "other"))
      throw arrowColumn(
        this.path,
        name,
        `has type ${field.type}, which hyfw does not read`,
        "store it as string, number or binary",
      );
    if (place === undefined)
      throw arrowColumn(
        this.path,
        name,
        "stands behind a column of a type whose size hyfw cannot tell",
        "write that column last, or leave it out",
      );
    const column = new ArrowColumn(this, name, layout, place);
    this.#columns.set(name, column);
    return column;
  }

  /** Where the buffers of a batch lie; kept for the batches used last. @throws HYFW_ARROW_UNREADABLE */
  header(batch: Batch): BatchHeader {
    const known = this.#headers.get(batch);
    if (known !== undefined) {
      this.#headers.delete(batch);
      this.#headers.set(batch, known);
      return known;
    }
    return this.#keep(batch, this.file.readPagedSync(batch.metadataAt, batch.metadataBytes));
  }

  /** Reads what `header` needs without holding up the thread; to be awaited before cells of a batch are read. */
  async prepare(batch: Batch): Promise<void> {
    if (this.#headers.has(batch)) return;
    this.#keep(batch, await this.file.read(batch.metadataAt, batch.metadataBytes));
  }

  #keep(batch: Batch, metadata: Buffer): BatchHeader {
    let header: BatchHeader;
    try {
      // Copied out of the page, so that a kept header does not hold the page.
      header = bodyOf(messageOf(Buffer.from(metadata)));
    } catch (cause) {
      throw damaged(this.path, cause);
    }
    this.#headers.set(batch, header);
    if (this.#headers.size > KEPT_HEADERS) {
      const oldest = this.#headers.keys().next().value;
      if (oldest !== undefined) this.#headers.delete(oldest);
    }
    return header;
  }

  async close(): Promise<void> {
    forgetUnpacked(this);
    this.file.close();
  }
}

interface Footer {
  readonly fields: readonly ArrowField[];
  readonly batches: readonly Batch[];
  readonly dictionaries: ReadonlyMap<number, readonly Batch[]>;
  readonly codec: CodecName | undefined;
  readonly bytes: Buffer;
}

function readFooter(path: string, file: PagedFile, readsColumns: boolean): Footer {
  const bytes = footerBytes(path, file);
  try {
    const footer = FlatTable.root(bytes);
    const schema = footer.table(1);
    if (schema === undefined) throw new Error("the footer has no schema");
    const fields = readSchema(schema);
    const codecs = new Set<CodecName | undefined>();
    const batches: Batch[] = [];
    let firstRow = 0;
    for (const block of readBlocks(footer, 3, file.size)) {
      const header = bodyOf(readMessage(file, block, readsColumns));
      checkBatch(header, block, fields);
      codecs.add(header.codec);
      batches.push({ ...block, firstRow, rows: header.rows });
      firstRow += header.rows;
    }
    const dictionaries = new Map<number, Batch[]>();
    for (const block of readBlocks(footer, 2, file.size)) {
      const header = bodyOf(readMessage(file, block, readsColumns));
      if (header.dictionary === undefined) throw new Error(`no dictionary at byte ${block.metadataAt}`);
      const { id, isDelta } = header.dictionary;
      checkBatch(header, block, valuesOf(fields, id));
      codecs.add(header.codec);
      const known = isDelta ? (dictionaries.get(id) ?? []) : [];
      const start = known.reduce((sum, batch) => sum + batch.rows, 0);
      dictionaries.set(id, [...known, { ...block, firstRow: start, rows: header.rows }]);
    }
    codecs.delete(undefined);
    if (codecs.size > 1) throw new Error("its batches are packed in different ways");
    return { fields, batches, dictionaries, codec: [...codecs][0], bytes };
  } catch (cause) {
    throw damaged(path, cause);
  }
}

/** What a batch of a dictionary holds: the values of the columns whose keys point to it. */
function valuesOf(fields: readonly ArrowField[], id: number): ArrowField[] {
  return fields.flatMap(({ layout, ...field }) =>
    layout.kind === "dictionary" && layout.id === id
      ? [{ ...field, layout: layout.values, place: { node: 0, buffer: 0 } }]
      : [],
  );
}

function footerBytes(path: string, file: PagedFile): Buffer {
  const fail = (what: string) => arrowUnreadable(path, what, REPACK);
  if (file.size < 18) throw fail(`it is no Arrow file: only ${file.size} bytes`);
  const head = file.readSync(0, 8);
  const tail = file.readScratch(Math.max(0, file.size - TAIL_BYTES), Math.min(file.size, TAIL_BYTES));
  if (head.toString("latin1", 0, 6) !== MAGIC)
    throw fail(
      head.readInt32LE(0) === -1
        ? "it is an Arrow stream, not an Arrow file"
        : "it is no Arrow file (wrong first bytes)",
    );
  if (tail.toString("latin1", tail.length - 6) !== MAGIC)
    throw fail("it is cut short: the closing ARROW1 is missing, so a writer was interrupted");
  const length = tail.readInt32LE(tail.length - 10);
  if (length <= 0 || length > file.size - 18)
    throw fail(`its footer length ${length} does not fit a file of ${file.size} bytes`);
  // A copy: the piece is written over by the next read.
  if (length + 10 <= tail.length)
    return Buffer.from(tail.subarray(tail.length - 10 - length, tail.length - 10));
  return file.readSync(file.size - 10 - length, length);
}

/** A message to be looked at once: the next call may write over its bytes. */
function readMessage(
  file: PagedFile,
  { metadataAt, metadataBytes }: { metadataAt: number; metadataBytes: number },
  isPaged: boolean,
): FlatTable {
  return messageOf(
    isPaged ? file.readPagedSync(metadataAt, metadataBytes) : file.readScratch(metadataAt, metadataBytes),
  );
}

function messageOf(prefix: Buffer): FlatTable {
  if (prefix.length < 8) throw new RangeError(`a message has ${prefix.length} bytes`);
  // Before version 0.15 there was no continuation marker in front of the length.
  return FlatTable.root(prefix.subarray(prefix.readInt32LE(0) === -1 ? 8 : 4));
}

function damaged(path: string, cause: unknown): unknown {
  if (cause instanceof Error && "code" in cause && String(cause.code).startsWith("HYFW_")) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return arrowUnreadable(path, `its footer or batch metadata is damaged: ${why}`, REPACK, cause);
}
