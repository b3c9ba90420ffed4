import { createReadStream } from "node:fs";
import { csvMalformed } from "../errors.js";

/** One record of a CSV: its fields, and the line it starts on (from 1). */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

type Place = "start" | "plain" | "quoted" | "closed";

/**
 * Splits CSV text into records as the official tool does: line ends LF, CRLF or CR, kept inside quotes; text after a closing quote
 * is appended; a quote inside an unquoted field is an ordinary character; lines that are empty or of blanks only are skipped.
 * Written by hand because no CSV library has these rules together with line numbers.
 */
export class CsvSplitter {
  #place: Place = "start";
  #field = "";
  #fields: string[] = [];
  #line = 1;
  #recordLine = 1;
  #wasQuoted = false;
  #afterCr = false;
  #records: CsvRecord[] = [];

  constructor(readonly file: string) {}

  /** Takes the next piece of text and gives the records completed by it. */
  push(text: string): CsvRecord[] {
    let i = 0;
    while (i < text.length) {
      if (this.#afterCr) {
        this.#afterCr = false;
        if (text[i] === "\n") {
          if (this.#place === "quoted") this.#field += "\n";
          i++;
          continue;
        }
      }
      i = this.#place === "quoted" ? this.#quoted(text, i) : this.#unquoted(text, i);
    }
    return this.#take();
  }

  /** Ends the text and gives the last record. @throws HYFW_CSV_MALFORMED when a quote is still open */
  end(): CsvRecord[] {
    if (this.#place === "quoted")
      throw csvMalformed(
        this.file,
        this.#recordLine,
        "a quoted field starts in this row and never ends",
        'close it with ", and write a quote inside a quoted field twice',
      );
    if (this.#fields.length > 0 || this.#field !== "" || this.#wasQuoted) this.#endRecord();
    return this.#take();
  }

  #take(): CsvRecord[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }

  #quoted(text: string, from: number): number {
    for (let i = from; i < text.length; i++) {
      const char = text[i];
      if (char === '"') {
        this.#field += text.slice(from, i);
        this.#place = "closed";
        return i + 1;
      }
      if (char === "\n") this.#line++;
      if (char === "\r") {
        this.#line++;
        this.#afterCr = true;
        this.#field += text.slice(from, i + 1);
        return i + 1;
      }
    }
    this.#field += text.slice(from);
    return text.length;
  }

  #unquoted(text: string, from: number): number {
    if (text[from] === '"') {
      if (this.#place === "start") {
        this.#place = "quoted";
        this.#wasQuoted = true;
        return from + 1;
      }
      if (this.#place === "closed") {
        // A second quote after the closing one was a doubled quote.
        this.#field += '"';
        this.#place = "quoted";
        return from + 1;
      }
    }
    for (let i = from; i < text.length; i++) {
      const char = text[i];
      if (char !== "," && char !== "\n" && char !== "\r") {
        this.#place = "plain";
        continue;
      }
      this.#field += text.slice(from, i);
      if (char === ",") this.#endField();
      else {
        this.#endRecord();
        this.#line++;
        this.#recordLine = this.#line;
        this.#afterCr = char === "\r";
      }
      return i + 1;
    }
    this.#field += text.slice(from);
    return text.length;
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = "";
    this.#place = "start";
  }

  #endRecord(): void {
    const blank = this.#fields.length === 0 && !this.#wasQuoted && /^[ \t]*$/.test(this.#field);
    this.#endField();
    if (!blank) this.#records.push({ line: this.#recordLine, fields: this.#fields });
    this.#fields = [];
    this.#wasQuoted = false;
  }
}

/**
 * The records of a UTF-8 CSV file, the header among them, read in pieces; a byte-order mark is skipped.
 * @throws HYFW_CSV_MALFORMED when the bytes are not UTF-8 or a quote is never closed
 */
export async function* csvRecords(file: string): AsyncGenerator<CsvRecord> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const splitter = new CsvSplitter(file);
  let bytes = 0;
  const decode = (piece: Uint8Array | undefined): string => {
    try {
      return decoder.decode(piece, { stream: piece !== undefined });
    } catch {
      throw csvMalformed(
        file,
        1,
        `its text is not UTF-8 (a wrong byte after byte ${bytes})`,
        "save the file as UTF-8",
      );
    }
  };
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 18 })) {
    yield* splitter.push(decode(piece as Uint8Array));
    bytes += (piece as Uint8Array).byteLength;
  }
  yield* splitter.push(decode(undefined));
  yield* splitter.end();
}
