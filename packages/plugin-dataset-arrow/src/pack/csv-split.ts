import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { csvMalformed } from "../errors.js";

/** One record of a CSV. */
export interface CsvRecord {
  /** Line of the file on which it starts, from 1. */
  readonly line: number;
  /** Byte of the file at which it starts. */
  readonly byte: number;
  readonly fields: readonly string[];
  /** Places of fields that began with a quote; undefined when none did. */
  readonly quoted?: ReadonlySet<number>;
  /** The bytes it was made from, valid until the next record is read. */
  readonly raw: Uint8Array;
}

const LF = 10;
const CR = 13;
const COMMA = 44;
const QUOTE = 34;

/** A record longer than this is taken for a quote that is never closed. */
const MOST_RECORD_BYTES = 16 << 20;

/**
 * Splits the bytes of a CSV into records as the official tool does: line ends LF, CRLF or CR, kept inside quotes; text after a closing
 * quote is appended; a quote inside an unquoted field is an ordinary character; lines that are empty or of blanks only are skipped.
 * Refused with line and column: a quote that is never closed, one that closes on a later line with text behind it, NUL, and bytes that
 * are not UTF-8. Written by hand because no CSV library has these rules together with places in the file.
 */
export class CsvSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #byte: number;
  #line: number;
  #isFirst: boolean;

  /** @param start where in the file the bytes begin; a byte-order mark is looked for at byte 0 only */
  constructor(
    readonly file: string,
    start: { readonly byte: number; readonly line: number } = { byte: 0, line: 1 },
  ) {
    this.#byte = start.byte;
    this.#line = start.line;
    this.#isFirst = start.byte === 0;
  }

  /** Takes the next piece and gives the records that it completes. */
  push(piece: Uint8Array): CsvRecord[] {
    const bytes = this.#rest.byteLength === 0 ? asBuffer(piece) : Buffer.concat([this.#rest, piece]);
    return this.#split(bytes, false);
  }

  /** Ends the file and gives the last record. @throws HYFW_CSV_MALFORMED when a quote is still open */
  end(): CsvRecord[] {
    return this.#split(this.#rest, true);
  }

  #split(input: Buffer, isEnd: boolean): CsvRecord[] {
    let bytes = input;
    if (this.#isFirst) {
      if (bytes.byteLength < 3 && !isEnd) {
        this.#rest = bytes;
        return [];
      }
      bytes = this.#withoutMark(bytes);
    }
    const records: CsvRecord[] = [];
    let from = 0;
    while (from < bytes.byteLength) {
      const found = this.#next(bytes, from, isEnd);
      if (found === undefined) break;
      this.#checkText(bytes, from, found.end);
      if (found.fields !== undefined)
        records.push({
          line: this.#line,
          byte: this.#byte + from,
          fields: found.fields,
          ...(found.quoted && { quoted: found.quoted }),
          raw: bytes.subarray(from, found.end),
        });
      this.#line += found.lines;
      from = found.end;
    }
    if (bytes.byteLength - from > MOST_RECORD_BYTES) throw this.#open(bytes, from);
    this.#byte += from;
    this.#rest = bytes.subarray(from);
    return records;
  }

  #withoutMark(bytes: Buffer): Buffer {
    this.#isFirst = false;
    if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
      throw csvMalformed(
        this.file,
        { line: 1, column: 1 },
        "its text is UTF-16, not UTF-8",
        "save the file as UTF-8",
      );
    if (bytes[0] !== 0xef || bytes[1] !== 0xbb || bytes[2] !== 0xbf) return bytes;
    this.#byte += 3;
    return bytes.subarray(3);
  }

  /** The record at `from`; undefined when its end is not there yet. `fields` is missing for a blank line. */
  #next(bytes: Buffer, from: number, isEnd: boolean): Found | undefined {
    const end = lineEnd(bytes, from);
    if (end < 0 && !isEnd) return undefined;
    const stop = end < 0 ? bytes.byteLength : end;
    const text = bytes.toString("utf8", from, stop);
    if (text.includes('"')) return this.#quotedRecord(bytes, from, isEnd);
    const after = afterLineEnd(bytes, stop, isEnd);
    if (after === undefined) return undefined;
    return { end: after, lines: 1, fields: /^[ \t]*$/.test(text) ? undefined : text.split(",") };
  }

  #quotedRecord(bytes: Buffer, from: number, isEnd: boolean): Found | undefined {
    const fields: string[] = [];
    const quoted = new Set<number>();
    let lines = 1;
    let at = from;
    for (;;) {
      let text = "";
      if (bytes[at] === QUOTE) {
        quoted.add(fields.length);
        const opened = at;
        const openedLines = lines;
        at++;
        for (;;) {
          const close = bytes.indexOf(QUOTE, at);
          if (close < 0) {
            if (isEnd || bytes.byteLength - from > MOST_RECORD_BYTES) throw this.#open(bytes, from, opened);
            return undefined;
          }
          // What follows the quote decides what it was.
          if (close + 1 >= bytes.byteLength && !isEnd) return undefined;
          text += bytes.toString("utf8", at, close);
          lines += lineEndsIn(bytes, at, close);
          at = close + 1;
          if (bytes[at] !== QUOTE) break;
          text += '"';
          at++;
        }
        const isSplit = lines > openedLines;
        if (isSplit && at < bytes.byteLength && !isEndOfField(bytes[at]))
          throw csvMalformed(
            this.file,
            this.#place(bytes, from, at),
            `text follows the closing quote of a field that began on line ${this.#place(bytes, from, opened).line}; one quote is missing or one too many`,
            'write a quote inside a quoted field twice, and quote every field that begins with "',
          );
      }
      const stop = fieldEnd(bytes, at);
      if (stop < 0 && !isEnd) return undefined;
      const end = stop < 0 ? bytes.byteLength : stop;
      fields.push(text + bytes.toString("utf8", at, end));
      at = end;
      if (bytes[at] === COMMA) {
        at++;
        continue;
      }
      const after = afterLineEnd(bytes, at, isEnd);
      return after === undefined ? undefined : { end: after, lines, fields, quoted };
    }
  }

  #checkText(bytes: Buffer, from: number, end: number): void {
    const record = bytes.subarray(from, end);
    const nul = record.indexOf(0);
    if (nul >= 0)
      throw csvMalformed(
        this.file,
        this.#place(bytes, from, from + nul),
        "it holds a NUL character; the official tool would cut the caption there",
        "remove it; a file with many of them is UTF-16 or damaged",
      );
    if (isUtf8(record)) return;
    const bad = from + firstBadByte(record);
    throw csvMalformed(
      this.file,
      this.#place(bytes, from, bad),
      `its text is not UTF-8: byte 0x${(bytes[bad] ?? 0).toString(16)} at byte ${this.#byte + bad} of the file`,
      "save the file as UTF-8 (for Chinese text in GBK: iconv -f GBK -t UTF-8)",
    );
  }

  #open(bytes: Buffer, from: number, opened = bytes.indexOf(QUOTE, from)): Error {
    return csvMalformed(
      this.file,
      this.#place(bytes, from, Math.max(from, opened)),
      "a quoted field starts here and never ends",
      'close it with ", and write a quote inside a quoted field twice',
    );
  }

  /** Line and column of a byte at or behind the record at `from`. */
  #place(bytes: Buffer, from: number, at: number): { line: number; column: number } {
    const { line, column } = placeIn(bytes.subarray(from), at - from);
    return { line: this.#line + line, column };
  }
}

interface Found {
  readonly end: number;
  readonly lines: number;
  readonly fields: string[] | undefined;
  readonly quoted?: Set<number>;
}

/** Line from 0 and column from 1, in characters, of a byte of a record. */
export function placeIn(record: Uint8Array, at: number): { line: number; column: number } {
  const bytes = asBuffer(record);
  let line = 0;
  let start = 0;
  for (let i = 0; i < at; i++) {
    if (bytes[i] === CR && bytes[i + 1] === LF && i + 1 < at) continue;
    if (bytes[i] !== LF && bytes[i] !== CR) continue;
    line++;
    start = i + 1;
  }
  return { line, column: [...bytes.toString("utf8", start, at)].length + 1 };
}

/** Byte of a record at which field `index` begins. */
export function fieldStart(record: Uint8Array, index: number): number {
  const bytes = asBuffer(record);
  let at = 0;
  for (let field = 0; field < index; field++) {
    if (bytes[at] === QUOTE) {
      do at = bytes.indexOf(QUOTE, at + 1) + 1;
      while (bytes[at] === QUOTE && at > 0);
    }
    const stop = fieldEnd(bytes, at);
    if (stop < 0 || bytes[stop] !== COMMA) return at;
    at = stop + 1;
  }
  return at;
}

function lineEnd(bytes: Buffer, from: number): number {
  const lf = bytes.indexOf(LF, from);
  // A CR matters only before the next LF, so that a file without any is not searched to its end for each line.
  const cr = (lf < 0 ? bytes.subarray(from) : bytes.subarray(from, lf)).indexOf(CR);
  return cr < 0 ? lf : from + cr;
}

/** Where the next record begins; undefined when a CR is the last byte and an LF may follow. */
function afterLineEnd(bytes: Buffer, at: number, isEnd: boolean): number | undefined {
  if (at >= bytes.byteLength) return at;
  if (bytes[at] === LF) return at + 1;
  if (at + 1 >= bytes.byteLength) return isEnd ? at + 1 : undefined;
  return bytes[at + 1] === LF ? at + 2 : at + 1;
}

function fieldEnd(bytes: Buffer, from: number): number {
  for (let i = from; i < bytes.byteLength; i++) if (isEndOfField(bytes[i])) return i;
  return -1;
}

function isEndOfField(byte: number | undefined): boolean {
  return byte === COMMA || byte === LF || byte === CR;
}

function lineEndsIn(bytes: Buffer, from: number, end: number): number {
  let lines = 0;
  for (let i = from; i < end; i++) {
    if (bytes[i] === LF) lines++;
    else if (bytes[i] === CR && bytes[i + 1] !== LF) lines++;
  }
  return lines;
}

/** Place of the first byte that ends a valid UTF-8 text. */
function firstBadByte(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.byteLength;
  // A cut inside a character is not valid by itself, so up to three bytes less are tried.
  const isGood = (end: number) =>
    [0, 1, 2, 3].some((less) => isUtf8(bytes.subarray(0, Math.max(0, end - less))));
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isGood(middle)) good = middle;
    else bad = middle;
  }
  for (let at = Math.max(0, good - 4); at < bytes.byteLength; at++)
    if (isUtf8(bytes.subarray(0, at)) && ![1, 2, 3, 4].some((n) => isUtf8(bytes.subarray(0, at + n))))
      return at;
  return good;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The records of a CSV file from a place on, read in pieces; the header is one of them.
 * @throws HYFW_CSV_MALFORMED, see `CsvSplitter`
 */
export async function* csvRecords(
  file: string,
  start: { readonly byte: number; readonly line: number } = { byte: 0, line: 1 },
  onPiece?: (piece: Uint8Array) => void,
): AsyncGenerator<CsvRecord[]> {
  const splitter = new CsvSplitter(file, start);
  for await (const piece of createReadStream(file, { start: start.byte, highWaterMark: 1 << 18 })) {
    onPiece?.(piece as Uint8Array);
    yield splitter.push(piece as Uint8Array);
  }
  yield splitter.end();
}
