import type { ArrowColumn, BufferPlace } from "./arrow-column.js";
import type { ArrowFile } from "./arrow-file.js";
import { eachBatch, isValid } from "./batch-cells.js";
import { buffersOf } from "./batch-header.js";

const PIECE = 1 << 22;

/**
 * The first 64 bits of every MD5 of a text column, two words per row; null when some cell is no MD5.
 * Enough to tell equal pictures among any number of rows that a run can hold.
 */
export function scanMd5(column: ArrowColumn): Uint32Array | null {
  const words = new Uint32Array(2 * column.source.rows);
  let isWhole = true;
  eachBatch(column, (cells, { firstRow, rows }) => {
    if (cells.kind !== "texts") {
      isWhole = false;
      return;
    }
    const { bytes, starts, ends, valid } = cells;
    for (let i = 0; i < rows && isWhole; i++) {
      const start = starts[i];
      const high = hexWord(bytes, start);
      const low = hexWord(bytes, start + 8);
      isWhole = isValid(valid, i) && ends[i] - start >= 16 && high >= 0 && low >= 0;
      words[2 * (firstRow + i)] = high;
      words[2 * (firstRow + i) + 1] = low;
    }
  });
  return isWhole ? words : null;
}

/** Eight lower-case hexadecimal digits as a number, or a negative one when some sign is none. */
export function hexWord(bytes: Uint8Array, at: number): number {
  let word = 0;
  for (let i = at; i < at + 8; i++) {
    const code = bytes[i];
    const digit = code <= 57 ? code - 48 : code - 87;
    if (!(digit >= 0 && digit <= 15) || (code > 57 && digit < 10)) return -1;
    word = word * 16 + digit;
  }
  return word;
}

/** Feeds the stored bytes of every column but the pictures' to `update`: what identifies a shard's rows beside their MD5. */
export function scanContent(
  file: ArrowFile,
  imageColumn: string,
  update: (data: Uint8Array | string) => void,
): void {
  for (const { name, type, layout, place } of file.fields) {
    update(`${name}:${type};`);
    if (name === imageColumn || layout.kind === "other" || place === undefined) continue;
    if (layout.kind === "dictionary" && layout.values.kind === "other") continue;
    const column = file.column(name);
    for (const one of [column, column.dictionary])
      for (const batch of one?.batches ?? [])
        for (let i = 0; i < buffersOf(one?.layout ?? layout); i++)
          for (const piece of pieces(file, (one ?? column).bufferPlace(batch, i))) update(piece);
  }
}

function* pieces(file: ArrowFile, { at, bytes }: BufferPlace): Generator<Buffer> {
  for (let done = 0; done < bytes; done += PIECE)
    yield file.file.readPagedSync(at + done, Math.min(PIECE, bytes - done));
}
