import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { sourceUnknown } from "../errors.js";
import { byCodePoints, findFiles } from "../index-build/find-files.js";
import type { PackOptions } from "./pack-options.js";
import type { Source } from "./source.js";
import { arrowSource } from "./source-arrow.js";
import { csvSource } from "./source-csv.js";
import { folderSource } from "./source-folder.js";
import { jsonLinesSource } from "./source-jsonl.js";
import { parquetSource } from "./source-parquet.js";

/**
 * The rows behind a path or pattern: .csv, .jsonl, .parquet or .arrow files, or a folder of pictures, Arrow or Parquet files.
 * @throws HYFW_PACK_SOURCE when there is nothing, or nothing that can be read
 */
export async function openSource(
  path: string,
  options: PackOptions,
): Promise<{ source: Source; folder: string }> {
  const found = findFiles(path);
  const [first] = found;
  if (first === undefined) throw sourceUnknown(path, "there is no such file or folder");
  const captions = { captionAs: options.captionAs };
  const isFolder = statSync(first).isDirectory();
  if (isFolder && found.length === 1) {
    const inside = readdirSync(first).sort(byCodePoints);
    const ending = [".arrow", ".parquet"].find((end) => inside.some((name) => name.endsWith(end)));
    const files = inside
      .filter((name) => ending !== undefined && name.endsWith(ending))
      .map((name) => join(first, name));
    if (ending === ".arrow") return { source: arrowSource(files), folder: first };
    if (ending === ".parquet") return { source: await parquetSource(files, captions), folder: first };
    return { source: folderSource(first, captions), folder: first };
  }
  const ending = /\.[^./]+$/.exec(first)?.[0].toLowerCase() ?? "";
  const folder = join(first, "..");
  if (found.some((file) => !file.toLowerCase().endsWith(ending)))
    throw sourceUnknown(path, "it names files of several kinds");
  if (ending === ".arrow") return { source: arrowSource(found), folder };
  if (ending === ".parquet") return { source: await parquetSource(found, captions), folder };
  if (found.length > 1) throw sourceUnknown(path, `it names ${found.length} files; one at a time is packed`);
  if (ending === ".csv" || ending === ".txt") return { source: await csvSource(first, options), folder };
  if (ending === ".jsonl" || ending === ".ndjson")
    return { source: await jsonLinesSource(first, captions), folder };
  throw sourceUnknown(path, `files that end in ${JSON.stringify(ending)} are not read`);
}
