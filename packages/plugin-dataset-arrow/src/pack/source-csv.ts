import { createHash } from "node:crypto";
import { csvHeader, csvMalformed } from "../errors.js";
import {
  type CsvLayout,
  type CsvSettings,
  describeLayout,
  fieldsOf,
  IMAGE,
  recogniseLayout,
  styleOf,
} from "./csv-layout.js";
import { type CsvRecord, csvRecords, fieldStart, placeIn } from "./csv-split.js";
import type { Place, SliceRange, Source, SourceRow, Survey } from "./source.js";

/** What becomes of a style that the caption begins with. */
export type StyleCaption = "keep" | "strip";

/** Rows from which the layout is recognised. */
const FIRST_ROWS = 1000;

/** A CSV as a source; its layout is recognised here. @throws HYFW_CSV_HEADER, HYFW_CSV_MALFORMED */
export async function csvSource(
  file: string,
  settings: CsvSettings & { readonly styleCaption?: StyleCaption } = {},
): Promise<Source> {
  const layout = recogniseLayout(file, await firstRecords(file), settings);
  return {
    facts: [`layout: ${describeLayout(layout)}`],
    survey: (sliceRows) => survey(file, layout, sliceRows),
    rows: (slice) => rows(file, layout, slice, settings),
  };
}

/** The first records of a CSV. @throws HYFW_CSV_HEADER when there is none */
async function firstRecords(file: string): Promise<CsvRecord[]> {
  const first: CsvRecord[] = [];
  for await (const records of csvRecords(file)) {
    first.push(...records.slice(0, FIRST_ROWS + 1 - first.length));
    if (first.length > FIRST_ROWS) break;
  }
  if (first.length === 0) throw csvHeader(file, "the file is empty", []);
  return first;
}

async function survey(file: string, layout: CsvLayout, sliceRows: number): Promise<Survey> {
  const hash = createHash("sha256");
  const starts: Place[] = [];
  let row = 0;
  let isHeader = layout.hasHeader;
  for await (const records of csvRecords(file, undefined, (piece) => hash.update(piece)))
    for (const record of records) {
      if (isHeader) {
        isHeader = false;
        continue;
      }
      if (row % sliceRows === 0) starts.push([record.byte, record.line]);
      row++;
      checkFieldCount(file, layout, record, row);
    }
  return { rows: row, columns: columnsOf(layout), fingerprint: hash.digest("hex"), starts };
}

/** Columns beside the picture's, the style among them when it is taken from the caption. */
function columnsOf(layout: CsvLayout): string[] {
  const names = layout.columns.filter((name) => name !== IMAGE && name !== "");
  return layout.styleInCaption ? [...names, "style"] : names;
}

function checkFieldCount(
  file: string,
  { columns, absorbing }: CsvLayout,
  record: CsvRecord,
  row: number,
): void {
  const { fields, raw } = record;
  if (absorbing !== null || fields.length <= columns.length) return;
  const place = placeIn(raw, fieldStart(raw, columns.length));
  throw csvMalformed(
    file,
    { line: record.line + place.line, column: place.column },
    `row ${row} has ${fields.length} fields, the header ${columns.length} (${columns.map((name) => (name === IMAGE ? "picture path" : name)).join(", ")}); the first one too many is ${JSON.stringify(fields[columns.length]?.slice(0, 80))}`,
    "put the caption with the comma in quotes, without a space before the opening quote, or give --commas caption when such commas belong to the caption",
  );
}

async function* rows(
  file: string,
  layout: CsvLayout,
  { first, count, place }: SliceRange,
  { styleWords, styleCaption = "keep" }: CsvSettings & { readonly styleCaption?: StyleCaption },
): AsyncGenerator<SourceRow> {
  const imageAt = layout.columns.indexOf(IMAGE);
  const kept = layout.columns.flatMap((name, i) => (name !== IMAGE && name !== "" ? [i] : []));
  const captionAt = kept.findIndex((i) => /^text_(zh|en)/.test(layout.columns[i] ?? ""));
  const [byte, line] = place;
  let done = 0;
  for await (const records of csvRecords(file, { byte, line }))
    for (const record of records) {
      if (done === count) return;
      const common = { row: first + ++done, line: record.line };
      const told = fieldsOf(layout, record);
      if (!("fields" in told)) {
        const shown = record.fields.find((field) => /\.\w{3,4}$/.test(field)) ?? null;
        yield { ...common, picture: { path: shown }, cells: [], repairs: [], refusal: told };
        continue;
      }
      const cells = kept.map((i) => told.fields[i] ?? null);
      const repairs = [...told.repairs];
      if (layout.styleInCaption) {
        const found = styleOf(cells[captionAt] ?? "", styleWords);
        if (found !== undefined && styleCaption === "strip" && found.rest !== "") {
          cells[captionAt] = found.rest;
          repairs.push("style taken off the caption");
        }
        cells.push(found?.style ?? null);
      }
      yield { ...common, picture: { path: told.fields[imageAt] ?? null }, cells, repairs };
    }
}
