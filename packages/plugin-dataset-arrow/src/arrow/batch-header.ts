import type { ArrowField, CellLayout } from "./arrow-schema.js";
import type { CodecName } from "./body-codec.js";
import { type FlatTable, readInt64 } from "./flat-table.js";

/** Where the parts of one batch lie, as its message says (Message.fbs). */
export class BatchHeader {
  constructor(
    readonly rows: number,
    readonly codec: CodecName | undefined,
    /** Set for a dictionary batch. */
    readonly dictionary: { readonly id: number; readonly isDelta: boolean } | undefined,
    readonly view: DataView,
    /** Place and number of the nodes and of the buffers in the message. */
    readonly nodes: { readonly at: number; readonly length: number },
    readonly buffers: { readonly at: number; readonly length: number },
  ) {}

  /** Rows of a node. */
  nodeRows(i: number): number {
    return readInt64(this.view, this.nodes.at + 16 * i);
  }

  /** Nulls of a node. */
  nodeNulls(i: number): number {
    return readInt64(this.view, this.nodes.at + 16 * i + 8);
  }

  /** Place of a buffer within the body. */
  bufferAt(i: number): number {
    return readInt64(this.view, this.buffers.at + 16 * i);
  }

  /** Stored length of a buffer. */
  bufferBytes(i: number): number {
    return readInt64(this.view, this.buffers.at + 16 * i + 8);
  }
}

/** The header of a record batch or dictionary batch. @throws Error or RangeError when the message is another or damaged */
export function bodyOf(message: FlatTable): BatchHeader {
  const kind = message.int8(1);
  const outer = message.table(2);
  if (outer === undefined || (kind !== 2 && kind !== 3)) throw new Error("a message is no record batch");
  const dictionary = kind === 2 ? { id: outer.int64(0), isDelta: outer.int8(2) !== 0 } : undefined;
  const batch = kind === 2 ? outer.table(1) : outer;
  if (batch === undefined) throw new Error("a dictionary batch is empty");
  const compression = batch.table(3);
  const codec = compression === undefined ? undefined : codecOf(compression);
  return new BatchHeader(
    batch.int64(0),
    codec,
    dictionary,
    batch.view,
    batch.vector(1, 16),
    batch.vector(2, 16),
  );
}

function codecOf(compression: FlatTable): CodecName {
  const codec = compression.int8(0);
  if (codec !== 0 && codec !== 1) throw new Error(`its batches are packed by an unknown codec ${codec}`);
  return codec === 0 ? "lz4" : "zstd";
}

/** Where a message and its body lie. */
export interface Block {
  readonly metadataAt: number;
  readonly metadataBytes: number;
  readonly bodyAt: number;
  readonly bodyBytes: number;
}

/** The blocks of a footer's list (File.fbs): each lies inside the file. */
export function readBlocks(footer: FlatTable, field: number, fileBytes: number): Block[] {
  const { at, length } = footer.vector(field, 24);
  return Array.from({ length }, (_, i) => {
    const metadataAt = readInt64(footer.view, at + 24 * i);
    const metadataBytes = footer.view.getInt32(at + 24 * i + 8, true);
    const bodyBytes = readInt64(footer.view, at + 24 * i + 16);
    const bodyAt = metadataAt + metadataBytes;
    if (metadataAt < 0 || metadataBytes < 0 || bodyBytes < 0 || bodyAt + bodyBytes > fileBytes)
      throw new RangeError(`a batch is said to lie at bytes ${metadataAt}..${bodyAt + bodyBytes}`);
    return { metadataAt, metadataBytes, bodyAt, bodyBytes };
  });
}

/**
 * Checks a batch against the columns: every buffer inside the body and long enough for its rows, so that no later
 * reader has to trust a length.
 * @throws RangeError saying what does not fit
 */
export function checkBatch(header: BatchHeader, block: Block, fields: readonly ArrowField[]): void {
  const { rows, codec } = header;
  if (rows < 0) throw new RangeError(`a batch has ${rows} rows`);
  // Packed buffers tell their length only inside; a picture row takes far more than this.
  if (codec !== undefined && rows > 64 * block.bodyBytes)
    throw new RangeError(`a batch of ${block.bodyBytes} bytes is said to hold ${rows} rows`);
  let end = 0;
  for (let i = 0; i < header.buffers.length; i++) {
    const at = header.bufferAt(i);
    const bytes = header.bufferBytes(i);
    if (bytes > 0 && at < end) throw new RangeError(`a buffer at byte ${at} begins inside the one before it`);
    if (bytes > 0) end = at + bytes;
    if (at < 0 || bytes < 0 || at + bytes > block.bodyBytes)
      throw new RangeError(`a buffer is said to lie at bytes ${at}..${at + bytes} of ${block.bodyBytes}`);
  }
  let hasBytes = codec !== undefined;
  for (const { name, layout, place } of fields) {
    if (place === undefined) break;
    if (place.node >= header.nodes.length || place.buffer + buffersOf(layout) > header.buffers.length)
      throw new RangeError(`a batch lacks buffers of column ${name}`);
    const nulls = header.nodeNulls(place.node);
    if (header.nodeRows(place.node) !== rows)
      throw new RangeError(`column ${name} has ${header.nodeRows(place.node)} of ${rows} rows`);
    if (nulls < 0 || nulls > rows) throw new RangeError(`column ${name} has ${nulls} nulls in ${rows} rows`);
    if (codec !== undefined || rows === 0) continue;
    const bytes = leastBytes(layout, rows);
    if (bytes > 0) hasBytes = true;
    const stored = bytes === 0 ? 0 : header.bufferBytes(place.buffer + 1);
    if (stored < bytes)
      throw new RangeError(`column ${name} has ${stored} bytes for ${rows} rows, expected at least ${bytes}`);
    const validity = layout.kind === "null" || layout.kind === "other" ? 0 : header.bufferBytes(place.buffer);
    if (nulls > 0 && layout.kind !== "null" && layout.kind !== "other" && validity < Math.ceil(rows / 8))
      throw new RangeError(`column ${name} has nulls but no list of them`);
  }
  if (fields.length > 0 && rows > 0 && !hasBytes && rows > 2 ** 24)
    throw new RangeError(`a batch of ${rows} rows holds nothing but nulls`);
}

/** Buffers that a column of this layout has; 0 for one that hyfw does not read. */
export function buffersOf(layout: CellLayout): number {
  if (layout.kind === "bytes") return 3;
  return layout.kind === "null" || layout.kind === "other" ? 0 : 2;
}

/** Bytes that the second buffer of a column needs for its rows: offsets, values, bits or keys. */
function leastBytes(layout: CellLayout, rows: number): number {
  if (layout.kind === "bytes") return (rows + 1) * layout.offsetBytes;
  if (layout.kind === "number") return rows * layout.bytes;
  if (layout.kind === "dictionary") return rows * layout.keys.bytes;
  return layout.kind === "bool" ? Math.ceil(rows / 8) : 0;
}
