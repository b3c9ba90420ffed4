import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "@hyfw/core";
import { ArrowFile } from "../arrow/arrow-file.js";
import { pack } from "../pack/pack.js";
import type { LedgerLine } from "../pack/slice-part.js";
import { check, type GoldenCase, load, same } from "./golden-case.js";

const Converted = z.object({
  slice_rows: z.number(),
  files: z.array(z.object({ file: z.string(), rows: z.array(z.record(z.string(), z.unknown())) })),
  csv_rows: z.array(
    z.object({
      csv_row: z.number(),
      img_path: z.string().nullish(),
      text_zh: z.string().nullish(),
      outcome: z.string(),
      file: z.string().nullish(),
      row: z.number().nullish(),
    }),
  ),
});
const Decoded = z.object({
  rows: z.array(
    z.object({
      arrow: z.string(),
      row: z.number(),
      decode_failed: z.boolean(),
      format: z.string().nullish(),
      exif_orientation: z.number().nullish(),
    }),
  ),
});

/** The whole CSV of the set, packed, against what the official converter stored row by row. */
export async function* packCases(folder: string): AsyncGenerator<GoldenCase> {
  const converted = load(folder, "official_arrow.json", Converted);
  const decoded = load(folder, "decoded.json", Decoded);
  for (const name of ["image_text", "image_text.bom_crlf", "image_text.extra_columns"]) {
    const csv = join(folder, "source", `${name}.csv`);
    if (converted === undefined || decoded === undefined || !existsSync(csv)) continue;
    yield await check(`pack/${name}`, () => compare(folder, csv, converted, decoded));
  }
}

async function compare(
  folder: string,
  csv: string,
  converted: z.output<typeof Converted>,
  decoded: z.output<typeof Decoded>,
): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), "hyfw-golden-"));
  const stored = new Map(converted.files.map(({ file, rows }) => [file, rows]));
  try {
    // The official tool starts relative paths at the working directory, which was the set's folder.
    const settings = { rowsPerShard: converted.slice_rows, pathPrefix: [`source/=${folder}/source/`] };
    const report = await pack({ source: csv, out, settings });
    same("rows", report.rows, converted.csv_rows.length);
    const ledger = readFileSync(report.ledger, "utf8").trimEnd().split("\n");
    const lines = ledger.map((line) => JSON.parse(line) as LedgerLine);
    const refused = new Map(
      lines.flatMap(({ row, reason }) => (reason === undefined ? [] : [[row - 1, reason]])),
    );
    const kept = await readShards(report.shards);
    let at = 0;
    let stricter = 0;
    for (const { csv_row, outcome, file, row } of converted.csv_rows) {
      const official = stored.get(file ?? "")?.[row ?? -1];
      const facts = decoded.rows.find((one) => one.arrow === file && one.row === row);
      const reason = refused.get(csv_row);
      if (reason !== undefined) {
        const damaged = facts?.decode_failed || facts?.format === "BMP";
        if (outcome === "stored" && !damaged) throw new Error(`CSV row ${csv_row} is refused: ${reason}`);
        if (outcome === "stored") stricter++;
        continue;
      }
      if (outcome !== "stored" || official === undefined)
        throw new Error(`CSV row ${csv_row} is packed, the official converter drops it`);
      const found = kept[at++];
      const turned = (facts?.exif_orientation ?? 1) >= 5;
      same(`CSV row ${csv_row}, md5`, found?.md5, official.md5);
      same(`CSV row ${csv_row}, width`, found?.width, turned ? official.height : official.width);
      same(`CSV row ${csv_row}, height`, found?.height, turned ? official.width : official.height);
      // A caption that is one of pandas' words for "missing" is text here and null there.
      if (official.text_zh !== null) same(`CSV row ${csv_row}, text_zh`, found?.textZh, official.text_zh);
    }
    same("packed rows", kept.length, at);
    return `${at} rows as the official converter stores them, ${stricter} stored there but undecodable`;
  } finally {
    rmSync(out, { recursive: true });
  }
}

async function readShards(shards: readonly string[]) {
  const rows = [];
  for (const shard of shards) {
    const file = await ArrowFile.open(shard);
    for (let row = 0; row < file.rows; row++)
      rows.push({
        textZh: await file.column("text_zh").text(row),
        md5: await file.column("md5").text(row),
        width: await file.column("width").number(row),
        height: await file.column("height").number(row),
      });
    await file.close();
  }
  return rows;
}
