import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { basename } from "node:path";
import { ArrowFile } from "../arrow/arrow-file.js";
import { sourceColumns } from "../errors.js";
import { COMPUTED } from "./csv-layout.js";
import type { Place, SliceRange, Source, SourceRow, Survey } from "./source.js";
import { cellText } from "./source-jsonl.js";

/** Arrow shards as a source: pictures are checked anew, sizes and MD5s are computed anew whatever the shard records. */
export function arrowSource(files: readonly string[]): Source {
  return {
    facts: [`layout: ${files.length} Arrow file(s) with their pictures inside`],
    survey: (sliceRows) => survey(files, sliceRows),
    rows: ({ first, count, place }, { columns }) => rows(files, { first, count, place }, columns),
  };
}

async function survey(files: readonly string[], sliceRows: number): Promise<Survey> {
  const hash = createHash("sha256");
  const columns = new Set<string>();
  const starts: Place[] = [];
  let total = 0;
  for (const [number, path] of files.entries()) {
    const file = await ArrowFile.open(path);
    try {
      if (file.rows > 0) imageColumn(file);
      for (const { name } of file.fields) if (!COMPUTED.has(name) && name !== "binary") columns.add(name);
      const { size, mtimeMs } = statSync(path);
      hash.update(`${basename(path)}\0${size}\0${mtimeMs}\0${file.rows}\0`);
      for (let next = starts.length * sliceRows; next < total + file.rows; next += sliceRows)
        starts.push([number, next - total]);
      total += file.rows;
    } finally {
      await file.close();
    }
  }
  return { rows: total, columns: [...columns], fingerprint: hash.digest("hex"), starts };
}

/** The official reader takes `image` before `binary`. */
function imageColumn(file: ArrowFile): string {
  const found = ["image", "binary"].find((name) => file.has(name));
  if (found !== undefined) return found;
  throw sourceColumns(
    file.path,
    "it holds no pictures",
    file.fields.map(({ name }) => name),
    ["image", "binary"],
  );
}

async function* rows(
  files: readonly string[],
  { first, count, place }: SliceRange,
  columns: readonly string[],
): AsyncGenerator<SourceRow> {
  let done = 0;
  let at = place[1];
  for (const path of files.slice(place[0])) {
    if (done === count) return;
    const file = await ArrowFile.open(path);
    try {
      for (; at < file.rows && done < count; at++)
        yield await rowOf(file, at, { row: first + ++done, columns });
    } finally {
      await file.close();
    }
    at = 0;
  }
}

async function rowOf(
  file: ArrowFile,
  at: number,
  { row, columns }: { row: number; columns: readonly string[] },
): Promise<SourceRow> {
  const cells: (string | null)[] = [];
  for (const name of columns) cells.push(file.has(name) ? cellText(await file.column(name).cell(at)) : null);
  const name = `${basename(file.path)}#${at}`;
  const bytes = await file.column(imageColumn(file)).bytes(at);
  return { row, line: null, picture: { bytes, name }, cells, repairs: [] };
}
