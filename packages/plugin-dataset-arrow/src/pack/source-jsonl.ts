import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { csvMalformed, sourceColumns } from "../errors.js";
import { COMPUTED } from "./csv-layout.js";
import { readLines } from "./read-lines.js";
import type { Place, SliceRange, Source, SourceRow, Survey } from "./source.js";

const IMAGE_KEYS = ["img_path", "image_path", "path", "image", "file_name", "file"];
const CAPTION_KEYS = ["caption", "text", "prompt"];

interface Line {
  readonly line: number;
  readonly byte: number;
  readonly value: Readonly<Record<string, unknown>>;
}

/** A file with one JSON object a line; lists and objects become JSON text in their cell. @throws HYFW_CSV_MALFORMED, HYFW_PACK_COLUMNS */
export async function jsonLinesSource(file: string, { captionAs = "text_zh" } = {}): Promise<Source> {
  let first: Line | undefined;
  for await (const line of lines(file)) {
    first = line;
    break;
  }
  const keys = Object.keys(first?.value ?? {});
  const imageKey = IMAGE_KEYS.find((key) => keys.includes(key));
  if (imageKey === undefined) throw sourceColumns(file, "the first line names no picture", keys, IMAGE_KEYS);
  const caption = keys.some((key) => /^text_(zh|en)/.test(key))
    ? undefined
    : CAPTION_KEYS.find((key) => keys.includes(key));
  const named = (key: string) => (key === caption ? captionAs : key);
  const facts = [
    `layout: JSON lines; picture path in ${imageKey}${caption ? `, ${caption} is ${captionAs}` : ""}`,
  ];
  return {
    facts,
    survey: async (sliceRows): Promise<Survey> => {
      const hash = createHash("sha256");
      const columns = new Set<string>();
      const starts: Place[] = [];
      let row = 0;
      for await (const { line, byte, value } of lines(file, undefined, (piece) => hash.update(piece))) {
        if (row++ % sliceRows === 0) starts.push([byte, line]);
        for (const key of Object.keys(value))
          if (key !== imageKey && !IMAGE_KEYS.slice(0, 2).includes(key) && !COMPUTED.has(key))
            columns.add(named(key));
      }
      return { rows: row, columns: [...columns], fingerprint: hash.digest("hex"), starts };
    },
    rows: async function* (
      { first: firstRow, count, place }: SliceRange,
      { columns },
    ): AsyncGenerator<SourceRow> {
      const keyOf = new Map(
        columns.map((name) => [name, caption !== undefined && name === captionAs ? caption : name]),
      );
      let done = 0;
      for await (const { line, value } of lines(file, { byte: place[0], line: place[1] })) {
        if (done === count) return;
        const path = value[imageKey];
        yield {
          row: firstRow + ++done,
          line,
          picture: { path: typeof path === "string" && path !== "" ? path : null },
          cells: columns.map((name) => cellText(value[keyOf.get(name) ?? name])),
          repairs: [],
        };
      }
    },
  };
}

/** A value of JSON, Arrow or Parquet as the text of a cell; empty text is null. */
export function cellText(value: unknown): string | null {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  if (value instanceof Date) return value.toISOString();
  return JSON.stringify(value, (_key, one: unknown) => (typeof one === "bigint" ? Number(one) : one));
}

/** The objects of a JSON lines file; blank lines are skipped. */
async function* lines(
  file: string,
  start?: { byte: number; line: number },
  onPiece?: (piece: Uint8Array) => void,
): AsyncGenerator<Line> {
  for await (const { line, byte, bytes } of readLines(file, start, onPiece)) {
    const isMarked = byte === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    const value = objectOf(file, line, isMarked ? bytes.subarray(3) : bytes);
    if (value !== undefined) yield { line, byte, value };
  }
}

function objectOf(file: string, line: number, bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  const fail = (column: number, what: string, todo: string) =>
    csvMalformed(file, { line, column }, what, todo);
  if (!isUtf8(bytes)) throw fail(1, "this line is not UTF-8", "save the file as UTF-8");
  const text = bytes.toString("utf8");
  if (text.trim() === "") return undefined;
  const nul = text.search(/\0|\\u0000/);
  if (nul >= 0) throw fail(nul + 1, "it holds a NUL character", "remove it");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const at = /position (\d+)/.exec(what)?.[1];
    throw fail(
      at === undefined ? text.length + 1 : Number(at) + 1,
      `this line is no JSON: ${what}`,
      "write one JSON object a line",
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw fail(
    1,
    "this line holds no JSON object",
    'write for example {"image_path": "a.png", "text_zh": "…"}',
  );
}
