import type { ArrowFile } from "../arrow/arrow-file.js";
import { indexFile } from "../errors.js";
import type { Index } from "./index-file.js";

/** An opened shard with the name it has in the index. */
export interface Shard {
  readonly name: string;
  readonly file: ArrowFile;
}

/** The base index of all rows of some shards, in their order. */
export function baseIndex(shards: readonly Shard[]): Index {
  let total = 0;
  const cumLength = shards.map(({ file }) => {
    total += file.rows;
    return total;
  });
  const rows = new Uint32Array(total);
  for (let i = 0; i < total; i++) rows[i] = i;
  return {
    dataType: ["Keep md5 duplicates."],
    configFile: "",
    arrowFiles: shards.map(({ name }) => name),
    cumLength,
    rows: new Map([["", rows]]),
  };
}

/** Which picture column a shard has: `image`, else `binary`. */
export function imageColumnOf(file: ArrowFile): string {
  return file.has("image") || !file.has("binary") ? "image" : "binary";
}

/** @throws HYFW_INDEX_FILE when a shard holds another number of rows than the index recorded */
export function checkRowCount(path: string, index: Index, i: number, file: ArrowFile): void {
  const recorded = (index.cumLength[i] ?? 0) - (index.cumLength[i - 1] ?? 0);
  if (recorded !== file.rows)
    throw indexFile(
      path,
      `it records ${recorded} rows for ${file.path}, which has ${file.rows}`,
      "build the index again from the present shards",
    );
}

/** Several base indexes as one, their Arrow files one after the other. */
export function joinIndexes(indexes: readonly Index[]): Index {
  const [only] = indexes;
  if (indexes.length === 1 && only !== undefined) return only;
  const cumLength: number[] = [];
  const parts: ArrayLike<number>[] = [];
  const shifts: number[] = [];
  for (const index of indexes) {
    const shift = cumLength.at(-1) ?? 0;
    cumLength.push(...index.cumLength.map((length) => length + shift));
    parts.push(index.rows.get("") ?? []);
    shifts.push(shift);
  }
  const rows = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const [i, part] of parts.entries())
    for (let k = 0; k < part.length; k++) rows[at++] = (part[k] as number) + (shifts[i] ?? 0);
  return {
    dataType: indexes.flatMap((index) => index.dataType),
    configFile: "",
    arrowFiles: indexes.flatMap((index) => index.arrowFiles),
    cumLength,
    rows: new Map([["", rows]]),
  };
}
