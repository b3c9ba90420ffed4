import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HyfwError, z } from "@hyfw/core";
import type { SourceRow } from "../pack/source.js";
import { csvSource } from "../pack/source-csv.js";
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
  readonly rows: readonly SourceRow[];
  readonly columns: readonly string[];
}

async function compare(one: Case): Promise<string> {
  let parsed: Parsed | HyfwError;
  try {
    parsed = await parse(one);
  } catch (error) {
    if (!(error instanceof HyfwError)) throw error;
    parsed = error;
  }
  if (one.error) {
    if (parsed instanceof HyfwError) return `both refuse: ${firstLine(parsed)}`;
    if (/img_path/.test(one.error) && parsed.rows.length > 0) return "hyfw also takes the name image_path";
    throw new Error(`the official reader refuses it (${one.error}), hyfw does not`);
  }
  const expected = one.rows ?? [];
  if (parsed instanceof HyfwError) {
    if (isRefusedOnPurpose(parsed)) return `refused on purpose: ${firstLine(parsed)}`;
    throw parsed;
  }
  const zh = parsed.columns.indexOf("text_zh");
  same("number of rows", parsed.rows.length, expected.length);
  for (const [i, [path = null, text = null]] of expected.entries()) {
    const row = parsed.rows[i];
    sameCell(
      `row ${i + 1}, path`,
      row !== undefined && "path" in row.picture ? row.picture.path : null,
      path,
    );
    sameCell(`row ${i + 1}, caption`, row?.cells[zh] ?? null, text);
  }
  return `${expected.length} row(s)`;
}

/** Where the official reader silently shifts columns, cuts captions at a NUL, or takes the first of two equal names. */
function isRefusedOnPurpose({ message }: HyfwError): boolean {
  return /fields, the header|NUL character|more than once/.test(message);
}

/** Equal but for what the official reader loses: "missing" words, the spelling of numbers and truth values. */
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
  same(what, found, official);
}

async function parse(one: Case): Promise<Parsed> {
  const folder = mkdtempSync(join(tmpdir(), "hyfw-golden-"));
  try {
    const file = join(folder, "case.csv");
    writeFileSync(file, Buffer.from(one.bytes_base64, "base64"));
    const source = await csvSource(file);
    const survey = await source.survey(1 << 20);
    const [place] = survey.starts;
    const rows: SourceRow[] = [];
    if (place !== undefined)
      for await (const row of source.rows({ first: 0, count: survey.rows, place }, survey)) rows.push(row);
    return { rows, columns: survey.columns };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function firstLine(error: Error): string {
  return error.message.split("\n")[0] ?? "";
}
