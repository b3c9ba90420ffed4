import { readFileSync } from "node:fs";
import { z } from "@hyfw/core";
import { CsvError, parse } from "csv-parse/sync";
import { nameTableAmbiguous, nameTableUnreadable } from "./errors.js";

/** One name of the table. */
export interface NameEntry {
  readonly en: string;
  readonly zh: string;
  /** Where it stands, for messages: `line 12` of a CSV, `entry 12` of a JSON file. */
  readonly place: string;
}

const Json = z.record(z.string(), z.string());

/**
 * Reads a table of English and Chinese names, a CSV with the columns `en,zh` or a JSON object, and checks that it is one to one.
 * @throws HYFW_NAME_TABLE when it cannot be read, HYFW_NAME_TABLE_AMBIGUOUS naming both places
 */
export function readNameTable(file: string): NameEntry[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw nameTableUnreadable(file, "the name table cannot be opened", cause);
  }
  const entries = file.toLowerCase().endsWith(".json") ? fromJson(file, text) : fromCsv(file, text);
  return checkOneToOne(file, entries);
}

function fromJson(file: string, text: string): NameEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw nameTableUnreadable(file, "it is no JSON", cause);
  }
  const table = Json.safeParse(value);
  if (!table.success) throw nameTableUnreadable(file, "it must be one JSON object of names to names");
  return Object.entries(table.data).map(([en, zh], i) => ({ en, zh, place: `entry ${i + 1}` }));
}

const CsvRows = z.array(z.object({ record: z.array(z.string()), info: z.object({ lines: z.number() }) }));

function fromCsv(file: string, text: string): NameEntry[] {
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
    en: record[en] ?? "",
    zh: record[zh] ?? "",
    place: `line ${info.lines}`,
  }));
}

/** A name with blanks and underscores made alike and in lower case: two names that agree in this are one. */
export function foldName(name: string): string {
  return name
    .trim()
    .replace(/[\s_]+/gu, " ")
    .toLowerCase();
}

function checkOneToOne(file: string, entries: readonly NameEntry[]): NameEntry[] {
  const byEnglish = new Map<string, NameEntry>();
  const byChinese = new Map<string, NameEntry>();
  for (const entry of entries) {
    const english = foldName(entry.en);
    const chinese = foldName(entry.zh);
    if (english === "" || chinese === "") throw nameTableUnreadable(file, `${entry.place} has an empty name`);
    const sameEnglish = byEnglish.get(english);
    if (sameEnglish !== undefined && foldName(sameEnglish.zh) === chinese) continue;
    if (sameEnglish !== undefined)
      throw nameTableAmbiguous(
        file,
        `${JSON.stringify(entry.en)} has two Chinese names`,
        `${sameEnglish.place} (${sameEnglish.zh})`,
        `${entry.place} (${entry.zh})`,
      );
    const sameChinese = byChinese.get(chinese);
    if (sameChinese !== undefined)
      throw nameTableAmbiguous(
        file,
        `${JSON.stringify(entry.zh)} stands for two English names`,
        `${sameChinese.place} (${sameChinese.en})`,
        `${entry.place} (${entry.en})`,
      );
    byEnglish.set(english, entry);
    byChinese.set(chinese, entry);
  }
  return [...byEnglish.values()];
}
