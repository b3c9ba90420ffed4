import { createReadStream } from "node:fs";
import { csvMalformed } from "../errors.js";

/** A line longer than this is a fault of the file. */
const MOST_LINE_BYTES = 16 << 20;

/** One line of a file without its LF. */
export interface FileLine {
  /** From 1. */
  readonly line: number;
  /** Where it begins. */
  readonly byte: number;
  /** Valid until the next line is read. */
  readonly bytes: Buffer;
}

/** The lines of a file between LFs, and only those: Node's readline would also cut at U+2028. */
export async function* readLines(
  file: string,
  start = { byte: 0, line: 1 },
  onPiece?: (piece: Uint8Array) => void,
): AsyncGenerator<FileLine> {
  let rest: Buffer = Buffer.alloc(0);
  let { byte, line } = start;
  for await (const piece of createReadStream(file, { start: byte, highWaterMark: 1 << 18 })) {
    onPiece?.(piece as Buffer);
    const bytes: Buffer = rest.byteLength === 0 ? (piece as Buffer) : Buffer.concat([rest, piece as Buffer]);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      yield { line: line++, byte: byte + from, bytes: bytes.subarray(from, end) };
      from = end + 1;
    }
    if (bytes.byteLength - from > MOST_LINE_BYTES)
      throw csvMalformed(
        file,
        { line, column: 1 },
        "this line is longer than 16 MiB",
        "write one JSON object a line",
      );
    byte += from;
    rest = bytes.subarray(from);
  }
  if (rest.byteLength > 0) yield { line, byte, bytes: rest };
}
