import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "@hyfw/core";
import type { Cell } from "../arrow/arrow-column.js";
import { ArrowFile } from "../arrow/arrow-file.js";
import { check, type GoldenCase, load, same } from "./golden-case.js";

const File = z.object({
  file: z.string(),
  official_reader_error: z.string().nullish(),
  schema: z.array(z.object({ name: z.string() })).optional(),
  batch_rows: z.array(z.number()).optional(),
  num_rows: z.number().optional(),
  rows: z.array(z.record(z.string(), z.unknown())).optional(),
});
type File = z.output<typeof File>;

const Sets = z.looseObject({
  files: z.array(File).optional(),
  columns_files: z.array(File).optional(),
  variants: z.array(File).optional(),
  cases: z.array(z.object({ files: z.array(File) })).optional(),
});

const LISTS = [
  "official_arrow.json",
  "official_arrow_unsliced.json",
  "official_arrow_edge.json",
  "extra_arrow.json",
];

/** Arrow files of the official converter and of other writers, read back cell by cell. */
export async function* arrowCases(folder: string): AsyncGenerator<GoldenCase> {
  for (const list of LISTS) {
    const golden = load(folder, list, Sets);
    if (golden === undefined) continue;
    const files = [
      ...(golden.files ?? []),
      ...(golden.columns_files ?? []),
      ...(golden.variants ?? []),
      ...(golden.cases ?? []).flatMap((one) => one.files),
    ];
    for (const file of files) yield await check(`arrow/${file.file}`, () => compare(folder, file));
  }
}

async function compare(folder: string, golden: File) {
  let file: ArrowFile;
  try {
    file = await ArrowFile.open(join(folder, golden.file));
  } catch (error) {
    const line = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
    if (golden.official_reader_error) return `both refuse: ${line}`;
    throw error;
  }
  try {
    if (golden.official_reader_error)
      throw new Error(`the official reader refuses it (${golden.official_reader_error}), hyfw does not`);
    same(
      "columns",
      file.fields.map((field) => field.name),
      golden.schema?.map((field) => field.name),
    );
    same(
      "batches",
      file.batches.map((batch) => batch.rows),
      golden.batch_rows,
    );
    same("rows", file.rows, golden.num_rows);
    for (const [i, row] of (golden.rows ?? []).entries()) await compareRow(file, i, row);
    return `${file.rows} row(s), ${file.fields.length} column(s)`;
  } finally {
    await file.close();
  }
}

async function compareRow(file: ArrowFile, row: number, expected: Readonly<Record<string, unknown>>) {
  for (const { name } of file.fields) {
    // Some listings give only a few of the columns.
    if (!(name in expected) && !(`${name}_bytes` in expected)) continue;
    const cell = await file.column(name).cell(row);
    if (cell instanceof Uint8Array) {
      same(`row ${row}, length of ${name}`, cell.byteLength, expected[`${name}_bytes`]);
      same(`row ${row}, sha256 of ${name}`, sha256(cell), expected[`${name}_sha256`]);
    } else if (`${name}_bytes` in expected)
      same(`row ${row}, ${name}`, cell, expected[`${name}_bytes`] ?? null);
    else same(`row ${row}, ${name}`, plain(cell), expected[name] ?? null);
  }
}

/** JSON has no NaN: the listings write the word. */
function plain(cell: Exclude<Cell, Uint8Array>): unknown {
  return typeof cell === "number" && Number.isNaN(cell) ? "NaN" : cell;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
