import type { ArrowColumn, BufferPlace, ColumnPart } from "./arrow-column.js";
import type { ArrowFile } from "./arrow-file.js";

const PIECE = 1 << 22;

/** Every cell of a number column, NaN for nulls and text that is no number. Reads whole buffers, so millions of rows are quick. */
export async function scanNumbers(column: ArrowColumn): Promise<Float64Array> {
  const all = new Float64Array(column.source.rows);
  for (const part of column.parts) {
    const values = part.buffers[1];
    if (column.layout.kind !== "number" || part.nullCount > 0 || values === undefined) {
      for (let i = 0; i < part.rows; i++) all[part.firstRow + i] = await column.number(part.firstRow + i);
      continue;
    }
    const { bytes: width, read } = column.layout;
    for (let done = 0; done < part.rows; ) {
      const rows = Math.min(part.rows - done, PIECE / width);
      const bytes = await column.source.file.read(values.at + done * width, rows * width);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let i = 0; i < rows; i++) all[part.firstRow + done + i] = read(view, i * width);
      done += rows;
    }
  }
  return all;
}

/**
 * The first 64 bits of every MD5 of a text column, two words per row; null when some cell is no MD5.
 * Enough to tell equal pictures among any number of rows that a run can hold.
 */
export async function scanMd5(column: ArrowColumn): Promise<Uint32Array | null> {
  const words = new Uint32Array(2 * column.source.rows);
  for (const part of column.parts) {
    const text = await plainMd5Bytes(column, part);
    for (let i = 0; i < part.rows; i++) {
      const hex =
        text === null
          ? ((await column.text(part.firstRow + i)) ?? "")
          : text.toString("latin1", 32 * i, 32 * i + 16);
      const high = Number.parseInt(hex.slice(0, 8), 16);
      const low = Number.parseInt(hex.slice(8, 16), 16);
      if (Number.isNaN(high) || Number.isNaN(low)) return null;
      words[2 * (part.firstRow + i)] = high;
      words[2 * (part.firstRow + i) + 1] = low;
    }
  }
  return words;
}

/** The text of a part at once when every cell has exactly 32 bytes. */
async function plainMd5Bytes(column: ArrowColumn, part: ColumnPart): Promise<Buffer | null> {
  const [, offsets, data] = part.buffers;
  if (column.layout.kind !== "bytes" || part.nullCount > 0 || part.rows === 0) return null;
  if (offsets === undefined || data === undefined || data.bytes < 32 * part.rows) return null;
  const width = column.layout.offsetBytes;
  const bytes = await column.source.file.read(offsets.at, (part.rows + 1) * width);
  const offset = (i: number) =>
    width === 4 ? bytes.readInt32LE(4 * i) : Number(bytes.readBigInt64LE(8 * i));
  const first = offset(0);
  for (let i = 1; i <= part.rows; i++) if (offset(i) - first !== 32 * i) return null;
  return column.source.file.read(data.at + first, 32 * part.rows);
}

/** Feeds the stored bytes of every column but the pictures' to `update`: what identifies a shard's rows beside their MD5. */
export async function scanContent(
  file: ArrowFile,
  imageColumn: string,
  update: (bytes: Uint8Array) => void,
): Promise<void> {
  for (const field of file.fields) {
    update(Buffer.from(`${field.name}:${String(field.type)};`));
    if (field.name === imageColumn) continue;
    for (const part of file.column(field.name).parts)
      for (const place of part.buffers)
        if (place !== undefined) for await (const piece of pieces(file, place)) update(piece);
  }
}

async function* pieces(file: ArrowFile, { at, bytes }: BufferPlace): AsyncGenerator<Buffer> {
  for (let done = 0; done < bytes; done += PIECE)
    yield await file.file.read(at + done, Math.min(PIECE, bytes - done));
}
