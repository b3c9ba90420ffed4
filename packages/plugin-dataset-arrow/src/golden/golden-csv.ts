import { z } from "@hyfw/core";
import { type CsvRecord, CsvSplitter } from "../pack/csv-rows.js";
import { type CsvRow, tableOf } from "../pack/csv-table.js";
import { check, type GoldenCase, load, same } from "./golden-case.js";

const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const Cases = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      bytes_base64: z.string(),
      rows: z.array(z.array(Cell)).nullish(),
      error: z.string().nullish(),
    }),
  ),
});
type Case = z.output<typeof Cases>["cases"][number];

/** The CSV bytes that the official reader was shown, against what it made of them. */
export async function* csvCases(folder: string): AsyncGenerator<GoldenCase> {
  const golden = load(folder, "source/csv_edge/parse_cases.json", Cases);
  for (const one of golden?.cases ?? []) yield await check(`csv/${one.name}`, () => compare(one));
}

interface Parsed {
  readonly records: readonly CsvRecord[];
  readonly rows: readonly CsvRow[];
  readonly columns: readonly string[];
}

async function compare(one: Case): Promise<string> {
  let parsed: Parsed | Error;
  try {
    parsed = await parse(one);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    parsed = error;
  }
  if (one.error) {
    if (parsed instanceof Error) return `both refuse: ${firstLine(parsed)}`;
    if (/img_path/.test(one.error) && parsed.rows.length > 0) return "hyfw also takes the name image_path";
    throw new Error(`the official reader refuses it (${one.error}), hyfw does not`);
  }
  const expected = one.rows ?? [];
  if (parsed instanceof Error) {
    const records = split(one);
    const [header, ...body] = records;
    const everyRowTooLong =
      body.length > 0 && body.every(({ fields }) => fields.length > (header?.fields.length ?? 0));
    if (everyRowTooLong)
      return `refused on purpose: the official reader shifts the columns (${firstLine(parsed)})`;
    const names = header?.fields ?? [];
    if (new Set(names).size < names.length) return `refused on purpose: ${firstLine(parsed)}`;
    throw parsed;
  }
  const zh = parsed.columns.indexOf("text_zh");
  same("number of rows", parsed.rows.length, expected.length);
  for (const [i, [path = null, text = null]] of expected.entries()) {
    const row = parsed.rows[i];
    sameCell(`row ${i + 1}, path`, row?.imagePath ?? null, path);
    sameCell(`row ${i + 1}, caption`, row?.cells[zh] ?? null, text);
  }
  return `${expected.length} row(s)`;
}

/** Equal but for what the official reader loses: "missing" words, the spelling of numbers and truth values, text after a NUL. */
function sameCell(what: string, found: string | null, official: z.output<typeof Cell>): void {
  if (
    found !== null &&
    official === null &&
    /^[#<]?-?(n\/?a|nan|null|none|1\.#ind|1\.#qnan|n\/a)/i.test(found)
  )
    return;
  if (found !== null && official === null && found.startsWith("#N/A")) return;
  if (found !== null && typeof official === "number" && Number(found) === official) return;
  if (found !== null && typeof official === "boolean" && found.toLowerCase() === String(official)) return;
  if (found?.includes("\0") && found.split("\0")[0] === official) return;
  same(what, found, official);
}

function split(one: Case): CsvRecord[] {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(one.bytes_base64, "base64"));
  const splitter = new CsvSplitter(one.name);
  return [...splitter.push(text), ...splitter.end()];
}

async function parse(one: Case): Promise<Parsed> {
  const records = split(one);
  const [header, ...body] = records;
  const { columns, rows: lazy } = tableOf(one.name, header?.fields ?? [], body);
  const rows: CsvRow[] = [];
  for await (const row of lazy) rows.push(row);
  return { records, rows, columns };
}

function firstLine(error: Error): string {
  return error.message.split("\n")[0] ?? "";
}
