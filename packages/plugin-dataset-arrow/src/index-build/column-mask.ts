import type { ArrowFile } from "../arrow/arrow-file.js";
import { type BatchCells, eachBatch, isValid, type TextCells } from "../arrow/batch-cells.js";
import { arrowColumn, indexDifference, indexSetting } from "../errors.js";
import type { ColumnFilter } from "./index-recipe.js";
import { pythonNumber, pythonPattern } from "./python-text.js";

/** One byte per row, 1 where the row passes. */
export type RowMask = Uint8Array;

/**
 * Which rows of a file pass a column filter: whole columns as typed arrays, then one comparison per row.
 * @param rows mask to fill, one byte per row of the file
 * @throws HYFW_INDEX_DIFFERENCE for cells that the filter cannot judge, HYFW_ARROW_COLUMN
 */
export function columnMask(file: ArrowFile, filter: ColumnFilter, rows: RowMask): void {
  const judge = judgeOf(file, filter);
  eachBatch(file.column(filter.name), (cells, { firstRow, rows: count }) => {
    judge(cells, firstRow, rows.subarray(firstRow, firstRow + count));
  });
}

type Judge = (cells: BatchCells, firstRow: number, mask: RowMask) => void;

function judgeOf(file: ArrowFile, filter: ColumnFilter): Judge {
  if (filter.type !== "str") return numberJudge(file, filter);
  if (filter.action.startsWith("len_")) return lengthJudge(file, filter);
  return textJudge(file, filter);
}

/** What becomes of a row whose cell cannot be judged: 0 or 1, or it stops. */
type Unjudged = (row: number, what: string) => number;

/** @param asDefault whether the filter's default passes; @param official what the official tools make of the cell, undefined where they stop */
function unjudged(
  file: ArrowFile,
  filter: ColumnFilter,
  asDefault: () => boolean,
  official: boolean | undefined,
): Unjudged {
  const { name, nulls, action } = filter;
  return (row, what) => {
    if (nulls === "drop") return 0;
    if (nulls === "keep") return 1;
    if (nulls === "default") return Number(asDefault());
    if (nulls === "official" && official !== undefined) return Number(official);
    throw indexDifference(
      { file: file.path, row },
      "null-cells",
      `column ${JSON.stringify(name)} is ${what} there, which ${action} cannot judge`,
      official === undefined
        ? "give the filter nulls: drop, keep or default (which judges its default); the official tools stop here too"
        : `give the filter nulls: drop, keep, default (which judges its default) or official (there such rows ${official ? "stay" : "fall out"} whatever the default says)`,
    );
  };
}

function compare(action: string, target: number): (value: number) => boolean {
  switch (action) {
    case "eq":
      return (value) => value === target;
    case "ne":
      return (value) => value !== target;
    case "gt":
      return (value) => value > target;
    case "lt":
      return (value) => value < target;
    case "ge":
      return (value) => value >= target;
    default:
      return (value) => value <= target;
  }
}

function numberJudge(file: ArrowFile, filter: ColumnFilter): Judge {
  const passes = compare(filter.action, Number(filter.target));
  const fallback = Number(filter.default);
  const odd = unjudged(file, filter, () => passes(fallback), filter.action === "ne");
  const isText = isTextColumn(file, filter.name);
  if (file.column(filter.name).layout.kind === "bytes" && !isText) throw wrongType(file, filter);
  return (cells, firstRow, mask) => {
    if (cells.kind === "nulls") {
      for (let i = 0; i < mask.length; i++)
        mask[i] = isText ? Number(passes(fallback)) : odd(firstRow + i, "null");
      return;
    }
    if (cells.kind === "numbers") {
      const { values, valid } = cells;
      for (let i = 0; i < mask.length; i++) {
        const value = values[i];
        if (isValid(valid, i) && !Number.isNaN(value)) mask[i] = passes(value) ? 1 : 0;
        else mask[i] = odd(firstRow + i, isValid(valid, i) ? "NaN" : "null");
      }
      return;
    }
    const { bytes, starts, ends, valid } = cells;
    for (let i = 0; i < mask.length; i++) {
      const value = isValid(valid, i)
        ? (pythonNumber(bytes.toString("utf8", starts[i], ends[i])) ?? fallback)
        : fallback;
      mask[i] = passes(value) ? 1 : 0; // the text "nan" is a number that compares with none
    }
  };
}

function lengthJudge(file: ArrowFile, filter: ColumnFilter): Judge {
  requireText(file, filter);
  const passes = compare(filter.action.slice(4), Number(filter.target));
  return (cells, _firstRow, mask) => {
    mask.fill(0); // a null has no length: no comparison of it is true
    if (cells.kind !== "texts") {
      requireNulls(file, filter, cells);
      return;
    }
    const { bytes, starts, ends, valid } = cells;
    for (let i = 0; i < mask.length; i++) {
      if (!isValid(valid, i)) continue;
      let length = 0;
      // A code point has one byte that is no continuation byte.
      for (let at = starts[i]; at < ends[i]; at++) if ((bytes[at] & 0xc0) !== 0x80) length++;
      if (passes(length)) mask[i] = 1;
    }
  };
}

function textJudge(file: ArrowFile, filter: ColumnFilter): Judge {
  requireText(file, filter);
  const { action } = filter;
  const test = textTest(file, filter);
  const isPlain = action === "eq" || action === "ne" || action === "one_of";
  const odd = unjudged(file, filter, () => test(Buffer.from(String(filter.default)), -1), undefined);
  // Texts are equal or not, and null is a text like no other.
  const ofNull = (row: number): number => (isPlain ? Number(action === "ne") : odd(row, "null"));
  return (cells, firstRow, mask) => {
    if (cells.kind !== "texts") {
      requireNulls(file, filter, cells);
      for (let i = 0; i < mask.length; i++) mask[i] = ofNull(firstRow + i);
      return;
    }
    const { bytes, starts, ends, valid } = cells;
    for (let i = 0; i < mask.length; i++) {
      if (!isValid(valid, i)) mask[i] = ofNull(firstRow + i);
      else if (action === "lower_last_in" && starts[i] === ends[i]) mask[i] = odd(firstRow + i, "empty");
      else mask[i] = test(bytes.subarray(starts[i], ends[i]), firstRow + i) ? 1 : 0;
    }
  };
}

function textTest(file: ArrowFile, filter: ColumnFilter): (cell: Uint8Array, row: number) => boolean {
  const { action, target, nulls, name } = filter;
  if (action === "one_of") {
    const texts = new Set(target as string[]);
    return (cell) => texts.has(textOf(cell));
  }
  const wanted = Buffer.from(String(target), "utf8");
  if (action === "eq") return (cell) => wanted.equals(cell);
  if (action === "ne") return (cell) => !wanted.equals(cell);
  if (action === "contains" || action === "not_contains") {
    const pattern = pythonPattern(String(target));
    if (typeof pattern === "string")
      throw indexDifference(
        { file: `filter of ${name}` },
        "python-pattern",
        `the pattern ${JSON.stringify(target)} uses ${pattern}`,
        "write it otherwise; plain signs, |, [...], *, +, ?, {n,m}, ^, $ and \\d \\w \\s read alike",
      );
    const isWanted = action === "contains";
    return (cell) => pattern.test(textOf(cell)) === isWanted;
  }
  if (action === "lower_last_in")
    return (cell) => {
      let at = cell.length - 1;
      while (at > 0 && (cell[at] & 0xc0) === 0x80) at--;
      return at >= 0 && String(target).includes(textOf(cell.subarray(at)).toLowerCase());
    };
  // `in` asks whether the cell is a piece of the target; a list written with commas is what people mean.
  const members = new Set(String(target).split(","));
  return (cell, row) => {
    const text = textOf(cell);
    const isPiece = String(target).includes(text);
    if (isPiece && row >= 0 && nulls !== "official" && !members.has(text) && text !== target)
      throw indexDifference(
        { file: file.path, row },
        "piece-of-target",
        `column ${JSON.stringify(name)} holds ${JSON.stringify(text)}, which counts as in ${JSON.stringify(target)} only because it is a piece of it`,
        "use the action one_of with a list, or nulls: official if pieces are meant",
      );
    return isPiece === (action === "in");
  };
}

function textOf(cell: Uint8Array): string {
  return Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength).toString("utf8");
}

function isTextColumn(file: ArrowFile, name: string): boolean {
  const { layout } = file.column(name);
  const values = layout.kind === "dictionary" ? layout.values : layout;
  return values.kind === "bytes" && values.text;
}

/** Text filters take text columns, and columns that hold nothing but nulls whatever their type. */
function requireText(file: ArrowFile, filter: ColumnFilter): void {
  const { layout } = file.column(filter.name);
  if (layout.kind === "bytes" && !layout.text) throw wrongType(file, filter);
}

function requireNulls(file: ArrowFile, filter: ColumnFilter, cells: Exclude<BatchCells, TextCells>): void {
  if (cells.kind !== "nulls") throw wrongType(file, filter);
}

function wrongType(file: ArrowFile, { name, type }: ColumnFilter): unknown {
  const field = file.fields.find((one) => one.name === name);
  return arrowColumn(
    file.path,
    name,
    `holds ${field?.type ?? "another type"}, which a ${type} filter cannot compare`,
    type === "str"
      ? "use type int or float, or pack the shard again with fixed types"
      : "name a column of numbers",
  );
}

/** Checks what a filter says before any file is opened. @throws HYFW_INDEX_DIFFERENCE for a pattern, HYFW_INDEX_SETTING */
export function checkPatterns(filters: readonly ColumnFilter[], place: { file: string }): void {
  for (const { action, target, name } of filters) {
    if (action !== "contains" && action !== "not_contains") continue;
    if (typeof target !== "string")
      throw indexSetting(
        place.file,
        undefined,
        `filter of ${name}: ${action} needs a text`,
        "correct the target",
      );
    const pattern = pythonPattern(target);
    if (typeof pattern === "string")
      throw indexDifference(
        place,
        "python-pattern",
        `filter of ${name}: the pattern ${JSON.stringify(target)} uses ${pattern}`,
        "write it otherwise; plain signs, |, [...], *, +, ?, {n,m}, ^, $ and \\d \\w \\s read alike",
      );
  }
}
