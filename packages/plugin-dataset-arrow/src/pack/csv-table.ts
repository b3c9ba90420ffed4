import { csvHeader, csvMalformed } from "../errors.js";
import { type CsvRecord, csvRecords } from "./csv-rows.js";

/** One row of the CSV by column names; an empty or missing field is null. */
export interface CsvRow {
  /** Number of the row, from 1; the header is not counted. */
  readonly row: number;
  /** Line of the file on which it starts, from 1. */
  readonly line: number;
  readonly imagePath: string | null;
  /** In the order of `CsvTable.columns`. */
  readonly cells: readonly (string | null)[];
}

/** The columns of a CSV and its rows. Rows can be read once. */
export interface CsvTable {
  /** Name of the column with picture paths, as spelt in the file. */
  readonly imageColumn: string;
  /** The other columns, in file order. */
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<CsvRow>;
}

/** Columns that hyfw always computes from the picture, whatever the CSV says. */
const COMPUTED = new Set(["md5", "width", "height", "image"]);

/**
 * Opens a CSV with one picture per row. Words such as `NA` or `None` are captions; only an empty field is null.
 * @throws HYFW_CSV_HEADER when no picture column is there or a name occurs twice; HYFW_CSV_MALFORMED, while reading, for a row with
 * more fields than the header
 */
export async function readCsv(file: string): Promise<CsvTable> {
  const records = csvRecords(file);
  const first = await records.next();
  if (first.done) throw csvHeader(file, "the file is empty", []);
  return tableOf(file, first.value.fields, records);
}

/** The same from records already split; the first one is the header. */
export function tableOf(
  file: string,
  header: readonly string[],
  records: AsyncIterable<CsvRecord> | Iterable<CsvRecord>,
): CsvTable {
  const names = [...header];
  const twice = names.find((name, i) => name !== "" && names.indexOf(name) !== i);
  if (twice !== undefined)
    throw csvHeader(file, `column ${JSON.stringify(twice)} is there more than once`, names);
  const imageAt = names.includes("img_path") ? names.indexOf("img_path") : names.indexOf("image_path");
  const imageColumn = names[imageAt];
  if (imageColumn === undefined) throw csvHeader(file, headerAdvice(names), names);
  const kept = names.flatMap((name, i) =>
    i === imageAt || name === "" || COMPUTED.has(name) || name === "image_path" ? [] : [i],
  );
  return {
    imageColumn,
    columns: kept.map((i) => names[i] as string),
    rows: rowsOf(file, names, { imageAt, kept }, records),
  };
}

function headerAdvice(names: readonly string[]): string {
  const near = names.find((name) => ["img_path", "image_path"].includes(name.trim().toLowerCase()));
  if (near !== undefined)
    return `column ${JSON.stringify(near)} must be spelt img_path or image_path, without blanks`;
  if (names.length === 1 && /[;\t]/.test(names[0] ?? ""))
    return "columns seem to be separated by semicolons or tabs; commas are needed";
  return "there is no column img_path (or image_path)";
}

async function* rowsOf(
  file: string,
  names: readonly string[],
  { imageAt, kept }: { imageAt: number; kept: readonly number[] },
  records: AsyncIterable<CsvRecord> | Iterable<CsvRecord>,
): AsyncGenerator<CsvRow> {
  let row = 0;
  for await (const { line, fields } of records) {
    row++;
    if (fields.length > names.length)
      throw csvMalformed(
        file,
        line,
        `row ${row} has ${fields.length} fields, the header ${names.length} (${names.join(", ")}); the first one too many, after column ${JSON.stringify(names.at(-1))}, is ${JSON.stringify(fields[names.length])}`,
        "put the caption with the comma in quotes, without a space before the opening quote",
      );
    const cell = (i: number): string | null => (fields[i] ? (fields[i] ?? null) : null);
    yield { row, line, imagePath: cell(imageAt), cells: kept.map(cell) };
  }
}
