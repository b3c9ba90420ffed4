import { suggest } from "@hyfw/core";
import { ArrowFile } from "../arrow/arrow-file.js";
import { type BatchCells, eachBatch, isValid } from "../arrow/batch-cells.js";
import { arrowColumn, datasetEmpty, indexDifference } from "../errors.js";
import { columnMask, type RowMask } from "./column-mask.js";
import { describeRecipe, ruleName } from "./describe-recipe.js";
import type { Difference } from "./differences.js";
import type { Index } from "./index-file.js";
import { appliesTo, type ColumnFilter, type ColumnRule, type IndexRecipe } from "./index-recipe.js";
import type { IndexSource } from "./index-sources.js";
import { foundByFilter, repeatsOf } from "./md5-files.js";
import { Md5Map } from "./md5-map.js";
import { RowNumbers } from "./row-numbers.js";

/** A base index with what its making told. */
export interface BuiltIndex {
  readonly index: Index;
  /** Rows that each filter alone rejects, and copies that each repeater alone makes, over all files. */
  readonly stats: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
  /** Where the result is not the official one. */
  readonly differences: ReadonlySet<Difference>;
  /** Rows of the Arrow files, and rows that passed the filters, before repeats and dedup. */
  readonly rows: number;
  readonly passed: number;
}

/** How an index is built from a recipe. */
export interface BuildOptions {
  /** Folder that relative paths of MD5 files start at. */
  readonly folder?: string;
  readonly configFile?: string;
  /** Reproduces the official result, defects included. */
  readonly asOfficial?: boolean;
  /** Gives an opened file that stays open; without it each is opened and closed. */
  readonly open?: (source: IndexSource) => ArrowFile;
}

/**
 * The base index of a recipe: per file filters and repeats, then over all files dedup, then the row numbers.
 * @throws HYFW_INDEX_*, HYFW_ARROW_*, HYFW_DATASET_EMPTY when no row is left
 */
export async function buildBaseIndex(
  recipe: IndexRecipe,
  sources: readonly IndexSource[],
  options: BuildOptions = {},
): Promise<BuiltIndex> {
  const { folder = ".", asOfficial = false } = options;
  const md5Filters = recipe.md5Filters.map((filter) => ({ filter, found: foundByFilter(filter, folder) }));
  const repeats = recipe.md5Repeaters.map((repeater) => repeatsOf(repeater, folder));
  const stats = new Map<string, number>();
  const notes: string[] = [];
  const differences = new Set<Difference>();
  const cumLength: number[] = [];
  const rows = new RowNumbers();
  const seen = recipe.removeMd5Dup ? new Md5Map() : undefined;
  let total = 0;
  let passed = 0;
  const oneFile = (source: IndexSource, file: ArrowFile): void => {
    const ofFile = new Map<string, number>();
    if (file.rows === 0) notes.push(`${source.name} holds no rows`);
    const mask = filterRows(file, source.name, { recipe, md5Filters }, ofFile);
    if (mask !== undefined) for (const bit of mask) passed += bit;
    else passed += file.rows;
    const counts = repeatRows(file, source, { recipe, repeats, asOfficial, differences }, mask, ofFile);
    addRows(rows, file, total, mask, counts, seen);
    for (const [name, count] of ofFile) stats.set(name, (stats.get(name) ?? 0) + count);
    total += file.rows;
    cumLength.push(total);
  };
  const { columnFilters, md5Repeaters, removeMd5Dup } = recipe;
  const readsColumns = columnFilters.length + md5Filters.length + md5Repeaters.length > 0 || removeMd5Dup;
  for (const source of sources) {
    const opened = options.open?.(source);
    const file = opened ?? (await ArrowFile.open(source.path, readsColumns));
    try {
      oneFile(source, file);
    } finally {
      if (opened === undefined) await file.close();
    }
  }
  if (recipe.columnFilters.some(usesLenNe)) differences.add("len-ne");
  if (rows.length === 0)
    throw datasetEmpty(
      `${total} row(s) in ${sources.length} Arrow file(s), ${passed} passed the filters`,
      "loosen the filters; the counts of each are in the statistics",
    );
  return {
    index: {
      dataType: describeRecipe(recipe),
      configFile: options.configFile ?? "",
      arrowFiles: sources.map(({ name }) => name),
      cumLength,
      rows: new Map([["", rows.finish()]]),
    },
    stats,
    notes,
    differences,
    rows: total,
    passed,
  };
}

interface Filters {
  readonly recipe: IndexRecipe;
  readonly md5Filters: readonly { filter: IndexRecipe["md5Filters"][number]; found: Md5Map }[];
}

/** Rows that pass all filters, undefined when none applies. A filter that comes later under a name takes the place of an earlier one in the statistics, as in the official tool. */
function filterRows(
  file: ArrowFile,
  name: string,
  { recipe, md5Filters }: Filters,
  stats: Map<string, number>,
): RowMask | undefined {
  let all: RowMask | undefined;
  const and = (mask: RowMask, rule: string): void => {
    let rejected = 0;
    for (let i = 0; i < mask.length; i++) rejected += 1 - mask[i];
    stats.set(rule, rejected);
    if (all === undefined) all = mask;
    else for (let i = 0; i < mask.length; i++) all[i] &= mask[i];
  };
  if (file.rows === 0) return undefined;
  for (const rule of recipe.columnFilters) {
    const mask = ruleMask(file, name, rule);
    if (mask !== undefined) and(mask, ruleName(rule));
  }
  for (const { filter, found } of md5Filters) {
    if (!appliesTo(filter.arrowFileKeyword, name)) continue;
    const keepsFound = (filter.action === "not_in") !== filter.isValid;
    const mask = new Uint8Array(file.rows);
    eachMd5(file, `MD5 filter ${JSON.stringify(filter.name)}`, (cells, firstRow, count) => {
      for (let i = 0; i < count; i++) {
        const isFound = cells.kind === "texts" && isValid(cells.valid, i) && found.ofCell(cells, i) !== undefined;
        mask[firstRow + i] = Number(isFound === keepsFound);
      }
    });
    and(mask, filter.name);
  }
  return all;
}

function ruleMask(file: ArrowFile, name: string, rule: ColumnRule): RowMask | undefined {
  if (!("logicalOr" in rule)) return filterMask(file, name, rule);
  let any: RowMask | undefined;
  for (const member of rule.logicalOr) {
    const mask = filterMask(file, name, member);
    if (mask === undefined) continue;
    if (any === undefined) any = mask;
    else for (let i = 0; i < mask.length; i++) any[i] |= mask[i];
  }
  return any;
}

/** Rows that pass one filter, undefined when it does not hold for the file. */
function filterMask(file: ArrowFile, name: string, filter: ColumnFilter): RowMask | undefined {
  if (!appliesTo(filter.arrowFileKeyword, name)) return undefined;
  const mask = new Uint8Array(file.rows);
  if (file.has(filter.name)) {
    columnMask(file, filter, mask);
    return mask;
  }
  if (filter.missingColumn === "keep") return undefined;
  if (filter.missingColumn === "drop") return mask;
  const columns = file.fields.map((field) => field.name);
  const guess = suggest(filter.name, columns);
  throw indexDifference(
    { file: file.path },
    "missing-column",
    `column ${JSON.stringify(filter.name)} of a filter is missing${guess === undefined ? "" : `; did you mean ${JSON.stringify(guess)}?`}`,
    `there are ${columns.join(", ")}; give the filter missing_column: keep or drop, or arrow_file_keyword to choose its files; the official tools let all rows of such a file pass`,
  );
}

function eachMd5(
  file: ArrowFile,
  what: string,
  use: (cells: BatchCells, firstRow: number, count: number) => void,
): void {
  if (!file.has("md5"))
    throw arrowColumn(
      file.path,
      "md5",
      `is missing, which ${what} needs; the file has ${file.fields.map((field) => field.name).join(", ")}`,
      "pack the shard again, or leave it out",
    );
  const column = file.column("md5");
  const { layout } = column;
  const values = layout.kind === "dictionary" ? layout.values : layout;
  if (values.kind !== "null" && !(values.kind === "bytes" && values.text))
    throw arrowColumn(file.path, "md5", "is no text", "pack the shard again");
  eachBatch(column, (cells, { firstRow, rows }) => use(cells, firstRow, rows));
}

interface Repeats {
  readonly recipe: IndexRecipe;
  readonly repeats: readonly Md5Map[];
  readonly asOfficial: boolean;
  readonly differences: Set<Difference>;
}

/** How often each row of a file stands in the index; undefined when all do once. The largest wish counts. */
function repeatRows(
  file: ArrowFile,
  source: IndexSource,
  { recipe, repeats, asOfficial, differences }: Repeats,
  mask: RowMask | undefined,
  stats: Map<string, number>,
): Float64Array | undefined {
  const isOn =
    recipe.md5Repeaters.length > 0 ||
    recipe.keywordRepeaters.length > 0 ||
    recipe.source.some(({ repeat }) => repeat > 1);
  if (source.repeat === 0 && !asOfficial) {
    if (!isOn || recipe.md5Repeaters.length > 0 || recipe.keywordRepeaters.length > 0) differences.add("repeat-zero");
    return new Float64Array(file.rows);
  }
  if (!isOn || file.rows === 0) return undefined;
  const counts = new Float64Array(file.rows).fill(source.repeat);
  // The wish that wins a row gets its copies in the statistics; the first of equal ones, the source's before all.
  const winner = new Uint16Array(file.rows);
  const names = [""];
  const wish = (name: string, of: (row: number) => number): void => {
    names.push(name);
    for (let row = 0; row < file.rows; row++) {
      const count = of(row);
      if (count <= counts[row]) continue;
      counts[row] = count;
      winner[row] = names.length - 1;
    }
  };
  for (const [i, repeater] of recipe.md5Repeaters.entries()) {
    const wanted = new Float64Array(file.rows).fill(1);
    eachMd5(file, `MD5 repeater ${JSON.stringify(repeater.name)}`, (cells, firstRow, count) => {
      if (cells.kind !== "texts") return;
      for (let k = 0; k < count; k++)
        if (isValid(cells.valid, k)) wanted[firstRow + k] = repeats[i].ofCell(cells, k) ?? 1;
    });
    wish(repeater.name, (row) => wanted[row]);
  }
  for (const { repeat, keyword } of recipe.keywordRepeaters)
    if (appliesTo(keyword, source.name)) wish(`Repeat ${repeat} times`, () => repeat);
  const copies = new Float64Array(names.length);
  for (let row = 0; row < file.rows; row++)
    if (winner[row] > 0 && (mask === undefined || mask[row] === 1)) copies[winner[row]] += counts[row] - 1;
  for (const [i, name] of names.entries()) if (copies[i] > 0) stats.set(name, copies[i]);
  return counts;
}

function addRows(
  rows: RowNumbers,
  file: ArrowFile,
  start: number,
  mask: RowMask | undefined,
  counts: Float64Array | undefined,
  seen: Md5Map | undefined,
): void {
  if (mask === undefined && counts === undefined && seen === undefined) {
    rows.addRange(start, file.rows);
    return;
  }
  const isKept = (row: number): boolean => mask === undefined || mask[row] === 1;
  if (seen === undefined) {
    for (let row = 0; row < file.rows; row++) if (isKept(row)) rows.add(start + row, counts?.[row] ?? 1);
    return;
  }
  eachMd5(file, "remove_md5_dup", (cells, firstRow, count) => {
    for (let i = 0; i < count; i++) {
      const row = firstRow + i;
      if (!isKept(row) || counts?.[row] === 0) continue;
      if (cells.kind !== "texts" || !isValid(cells.valid, i))
        throw indexDifference(
          { file: file.path, row },
          "null-md5",
          "its MD5 is null, so remove_md5_dup cannot tell whether it is a duplicate",
          "pack the shard again; the official tools keep the first such row and drop all others",
        );
      if (!seen.enter(cells, i)) rows.add(start + row, 1);
    }
  });
}

function usesLenNe(rule: ColumnRule): boolean {
  return ("logicalOr" in rule ? rule.logicalOr : [rule]).some(({ action }) => action === "len_ne");
}
