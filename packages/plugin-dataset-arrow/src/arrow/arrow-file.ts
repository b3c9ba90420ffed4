import { type Field, MessageHeader } from "apache-arrow";
import { type FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import { Message, type RecordBatch } from "apache-arrow/ipc/metadata/message";
import { arrowColumn, arrowUnreadable } from "../errors.js";
import { ArrowColumn, type ColumnPart } from "./arrow-column.js";
import { footprint, layoutOf } from "./arrow-layout.js";
import { PagedFile } from "./paged-file.js";

const MAGIC = "ARROW1";
const REPACK = "pack the shard again, or rewrite it as an Arrow IPC file";

interface Batch {
  readonly firstRow: number;
  readonly rows: number;
  readonly bodyStart: number;
  readonly header: RecordBatch;
}

/**
 * An Arrow IPC file opened lazily: footer and message metadata only, cells by offset. Any number of batches, 32- and 64-bit offsets,
 * any file size; nothing is loaded whole.
 */
export class ArrowFile {
  readonly rows: number;
  #columns = new Map<string, ArrowColumn>();

  private constructor(
    readonly path: string,
    readonly file: PagedFile,
    readonly fields: readonly Field[],
    readonly batches: readonly Batch[],
    readonly dictionaries: ReadonlyMap<number, readonly ColumnPart[]>,
  ) {
    this.rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  }

  /** @throws HYFW_ARROW_UNREADABLE when the file is missing, cut short, a stream, or compressed */
  static async open(path: string): Promise<ArrowFile> {
    let file: PagedFile;
    try {
      file = await PagedFile.open(path);
    } catch (cause) {
      throw arrowUnreadable(
        path,
        "the file cannot be opened",
        "check the path and its permissions; the index may name shards that have moved",
        cause,
      );
    }
    try {
      return await readFooter(path, file, (...parts) => new ArrowFile(path, file, ...parts));
    } catch (error) {
      await file.close();
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
    const layout = layoutOf(field.type);
    if (layout.kind === "other" || (layout.kind === "dictionary" && layout.values.kind === "other"))
      throw arrowColumn(
        this.path,
        name,
        `has type ${String(field.type)}, which hyfw does not read`,
        "store it as string, number or binary",
      );
    const at = this.#place(name);
    const parts = this.batches.map((batch) => partOf(batch, at));
    const values = layout.kind === "dictionary" ? this.dictionaries.get(layout.id) : undefined;
    const column = new ArrowColumn(this, name, layout, parts, values);
    this.#columns.set(name, column);
    return column;
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  #place(name: string): { node: number; buffer: number } {
    let node = 0;
    let buffer = 0;
    for (const field of this.fields) {
      if (field.name === name) return { node, buffer };
      const size = footprint(field);
      if (size === undefined)
        throw arrowColumn(
          this.path,
          name,
          `stands behind column ${JSON.stringify(field.name)} of type ${String(field.type)}, whose size hyfw cannot tell`,
          "write that column last, or leave it out",
        );
      node += size.nodes;
      buffer += size.buffers;
    }
    return { node, buffer };
  }
}

function partOf(batch: Batch, at: { node: number; buffer: number }): ColumnPart {
  const region = (i: number) => batch.header.buffers[at.buffer + i];
  const place = (i: number) => {
    const found = region(i);
    return found === undefined ? undefined : { at: batch.bodyStart + found.offset, bytes: found.length };
  };
  return {
    firstRow: batch.firstRow,
    rows: batch.rows,
    nullCount: batch.header.nodes[at.node]?.nullCount ?? 0,
    buffers: [place(0), place(1), place(2)],
  };
}

type FooterParts = [readonly Field[], readonly Batch[], ReadonlyMap<number, readonly ColumnPart[]>];

async function readFooter(
  path: string,
  file: PagedFile,
  make: (...parts: FooterParts) => ArrowFile,
): Promise<ArrowFile> {
  const fail = (what: string, cause?: unknown) => arrowUnreadable(path, what, REPACK, cause);
  if (file.size < 18) throw fail(`it is no Arrow file: only ${file.size} bytes`);
  const head = await file.read(0, 8);
  const tail = await file.read(file.size - 10, 10);
  if (head.toString("latin1", 0, 6) !== MAGIC)
    throw fail(
      head.readInt32LE(0) === -1
        ? "it is an Arrow stream, not an Arrow file"
        : "it is no Arrow file (wrong first bytes)",
    );
  if (tail.toString("latin1", 4) !== MAGIC)
    throw fail("it is cut short: the closing ARROW1 is missing, so a writer was interrupted");
  const footerBytes = tail.readInt32LE(0);
  if (footerBytes <= 0 || footerBytes > file.size - 18)
    throw fail(`its footer length ${footerBytes} does not fit a file of ${file.size} bytes`);
  try {
    const footer = Footer.decode(Buffer.from(await file.read(file.size - 10 - footerBytes, footerBytes)));
    const batches: Batch[] = [];
    let firstRow = 0;
    for (const block of footer.recordBatches()) {
      const { header, bodyStart } = await readBatch(path, file, block);
      batches.push({ firstRow, rows: header.length, bodyStart, header });
      firstRow += header.length;
    }
    const dictionaries = new Map<number, ColumnPart[]>();
    for (const block of footer.dictionaryBatches()) await addDictionary(path, file, block, dictionaries);
    return make(footer.schema.fields, batches, dictionaries);
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("HYFW_")) throw error;
    throw fail("its footer or batch metadata is damaged", error);
  }
}

async function readMessage(file: PagedFile, block: FileBlock): Promise<Message> {
  const prefix = Buffer.from(await file.read(block.offset, block.metaDataLength));
  // Before version 0.15 there was no continuation marker in front of the length.
  const skip = prefix.readInt32LE(0) === -1 ? 8 : 4;
  return Message.decode(prefix.subarray(skip));
}

async function readBatch(
  path: string,
  file: PagedFile,
  block: FileBlock,
): Promise<{ header: RecordBatch; bodyStart: number }> {
  const message = await readMessage(file, block);
  if (!message.isRecordBatch()) throw new Error(`expected a record batch at byte ${block.offset}`);
  const header = message.header();
  refuseCompressed(path, header);
  return { header, bodyStart: block.offset + block.metaDataLength };
}

async function addDictionary(
  path: string,
  file: PagedFile,
  block: FileBlock,
  dictionaries: Map<number, ColumnPart[]>,
): Promise<void> {
  const message = await readMessage(file, block);
  if (message.headerType !== MessageHeader.DictionaryBatch || !message.isDictionaryBatch())
    throw new Error(`expected a dictionary batch at byte ${block.offset}`);
  const dictionary = message.header();
  refuseCompressed(path, dictionary.data);
  const known = dictionary.isDelta ? (dictionaries.get(dictionary.id) ?? []) : [];
  const firstRow = known.reduce((sum, part) => sum + part.rows, 0);
  const bodyStart = block.offset + block.metaDataLength;
  const batch = { firstRow, rows: dictionary.length, bodyStart, header: dictionary.data };
  dictionaries.set(dictionary.id, [...known, partOf(batch, { node: 0, buffer: 0 })]);
}

function refuseCompressed(path: string, header: RecordBatch): void {
  if (header.compression !== null)
    throw arrowUnreadable(
      path,
      `its batches are compressed (${header.compression.type === 0 ? "lz4" : "zstd"}), which hyfw does not read`,
      "write the file without compression; pictures are compressed already",
    );
}
