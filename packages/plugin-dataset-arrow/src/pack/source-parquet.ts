import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { basename } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { parquetUnreadable, sourceColumns } from "../errors.js";
import { COMPUTED } from "./csv-layout.js";
import type { PicturePlace, Place, SliceRange, Source, SourceRow, Survey } from "./source.js";
import { cellText } from "./source-jsonl.js";

const IMAGE_KEYS = ["img_path", "image_path", "image", "path", "file_name"];
const CAPTION_KEYS = ["caption", "text", "prompt"];

interface Part {
  readonly path: string;
  /** Rows of each row group. */
  readonly groups: readonly number[];
  readonly columns: readonly string[];
}

/** Parquet files with picture paths, or with pictures inside (`image` as bytes or as a struct of bytes and path). */
export async function parquetSource(
  files: readonly string[],
  { captionAs = "text_zh" } = {},
): Promise<Source> {
  const parts: Part[] = [];
  for (const path of files) parts.push(await openPart(path));
  const all = [...new Set(parts.flatMap(({ columns }) => columns))];
  const imageKey = IMAGE_KEYS.find((key) => all.includes(key));
  if (imageKey === undefined) throw sourceColumns(files[0] ?? "", "it names no picture", all, IMAGE_KEYS);
  const caption = all.some((key) => /^text_(zh|en)/.test(key))
    ? undefined
    : CAPTION_KEYS.find((key) => all.includes(key));
  const kept = all.filter(
    (key) => key !== imageKey && !IMAGE_KEYS.slice(0, 2).includes(key) && !COMPUTED.has(key),
  );
  return {
    facts: [
      `layout: ${files.length} Parquet file(s); picture in ${imageKey}${caption ? `, ${caption} is ${captionAs}` : ""}`,
    ],
    survey: async (sliceRows): Promise<Survey> => {
      const hash = createHash("sha256");
      const starts: Place[] = [];
      let total = 0;
      for (const [number, { path, groups }] of parts.entries()) {
        const { size, mtimeMs } = statSync(path);
        hash.update(`${basename(path)}\0${size}\0${mtimeMs}\0`);
        const rowsHere = groups.reduce((sum, count) => sum + count, 0);
        for (let next = starts.length * sliceRows; next < total + rowsHere; next += sliceRows)
          starts.push([number, next - total]);
        total += rowsHere;
      }
      const columns = kept.map((key) => (key === caption ? captionAs : key));
      return { rows: total, columns, fingerprint: hash.digest("hex"), starts };
    },
    rows: ({ first, count, place }: SliceRange) => rows(parts, { first, count, place }, { imageKey, kept }),
  };
}

async function openPart(path: string): Promise<Part> {
  try {
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
    return {
      path,
      groups: metadata.row_groups.map(({ num_rows }) => Number(num_rows)),
      columns: childrenOf(metadata.schema),
    };
  } catch (error) {
    throw parquetUnreadable(path, error);
  }
}

/** Names of the top-level columns: the schema lists the tree depth first. */
function childrenOf(schema: readonly { name: string; num_children?: number }[]): string[] {
  const names: string[] = [];
  let at = 1;
  const skip = (): void => {
    const children = schema[at++]?.num_children ?? 0;
    for (let i = 0; i < children; i++) skip();
  };
  while (at < schema.length) {
    names.push(schema[at]?.name ?? "");
    skip();
  }
  return names;
}

/** Rows group by group, so that memory is bounded by the largest row group. */
async function* rows(
  parts: readonly Part[],
  { first, count, place }: SliceRange,
  { imageKey, kept }: { imageKey: string; kept: readonly string[] },
): AsyncGenerator<SourceRow> {
  let done = 0;
  let from = place[1];
  for (const { path, groups } of parts.slice(place[0])) {
    const file = await asyncBufferFromFile(path);
    let start = 0;
    for (const size of groups) {
      const rowStart = Math.max(start, from);
      const rowEnd = Math.min(start + size, rowStart + count - done);
      start += size;
      if (rowEnd <= rowStart) continue;
      let values: Record<string, unknown>[];
      try {
        values = await parquetReadObjects({ file, rowStart, rowEnd, compressors, utf8: false });
      } catch (error) {
        throw parquetUnreadable(path, error);
      }
      for (const [i, value] of values.entries())
        yield {
          row: first + ++done,
          line: null,
          picture: pictureOf(value[imageKey], `${basename(path)}#${rowStart + i}`),
          cells: kept.map((key) => cellText(textOf(value[key]))),
          repairs: [],
        };
    }
    if (done === count) return;
    from = 0;
  }
}

/** Text columns that are not marked as text come as bytes. */
function textOf(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : value;
}

function pictureOf(value: unknown, name: string): PicturePlace {
  if (value instanceof Uint8Array) return { bytes: value, name };
  if (typeof value === "string" && value !== "") return { path: value };
  if (typeof value === "object" && value !== null) {
    const { bytes, path } = value as { bytes?: unknown; path?: unknown };
    if (bytes instanceof Uint8Array) return { bytes, name: typeof path === "string" ? path : name };
    if (typeof path === "string") return { path };
  }
  return { path: null };
}
