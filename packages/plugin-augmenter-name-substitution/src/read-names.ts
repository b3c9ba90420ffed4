import { readFileSync } from "node:fs";
import { z } from "@hyfw/core";
import { CsvError, parse } from "csv-parse/sync";
import { nameTableUnreadable } from "./errors.js";
import type { ListedName } from "./name-table.js";

/**
 * The names of one file: a CSV with the columns `en` and `zh`, or a JSON object of names to a name or a list.
 * @throws HYFW_NAME_TABLE when it cannot be read
 */
export function readNames(file: string): ListedName[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    const what = cause instanceof TypeError ? "it is not UTF-8" : "the name table cannot be opened";
    throw nameTableUnreadable(file, what, cause);
  }
  return file.toLowerCase().endsWith(".json") ? fromJson(file, text) : fromCsv(file, text);
}

const Json = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

function fromJson(file: string, text: string): ListedName[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw nameTableUnreadable(file, "it is no JSON", cause);
  }
  const table = Json.safeParse(value);
  if (!table.success)
    throw nameTableUnreadable(file, "it must be one JSON object of names to a name or a list of names");
  return Object.entries(table.data).map(([en, zh], i) => ({
    en: spellings(en),
    zh: typeof zh === "string" ? spellings(zh) : zh,
    file,
    place: `entry ${i + 1}`,
  }));
}

const CsvRows = z.array(z.object({ record: z.array(z.string()), info: z.object({ lines: z.number() }) }));

function fromCsv(file: string, text: string): ListedName[] {
  let rows: z.output<typeof CsvRows>;
  try {
    rows = CsvRows.parse(parse(text, { bom: true, info: true, skip_empty_lines: true }));
  } catch (cause) {
    const why = cause instanceof CsvError ? cause.message : "it is no CSV";
    throw nameTableUnreadable(file, why, cause);
  }
  const [header, ...names] = rows;
  const en = header?.record.indexOf("en") ?? -1;
  const zh = header?.record.indexOf("zh") ?? -1;
  if (en < 0 || zh < 0)
    throw nameTableUnreadable(
      file,
      `its first line must name the columns en and zh, found ${header?.record.join(",") ?? "nothing"}`,
    );
  return names.map(({ record, info }) => ({
    en: spellings(record[en] ?? ""),
    zh: spellings(record[zh] ?? ""),
    file,
    place: `line ${info.lines}`,
  }));
}

function spellings(cell: string): string[] {
  return cell.split("|").map((one) => one.trim());
}
