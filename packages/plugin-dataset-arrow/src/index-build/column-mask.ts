import type { ArrowFile } from "../arrow/arrow-file.js";
import { type BatchCells, eachBatch, isValid, type TextCells } from "../arrow/batch-cells.js";
import { arrowColumn, indexDifference } from "../errors.js";
import type { ColumnFilter } from "./index-recipe.js";
import { pythonNumber, pythonPattern } from "./python-text.js";
import { withinTime } from "./within-time.js";

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

/** Time for matching a pattern: plain ones take microseconds a row. */
const PATTERN_MS = 2000;
const PATTERN_MS_PER_ROW = 1;

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
  const isPattern = action === "contains" || action === "not_contains";
  let at = -1;
  const plainTest = textTest(file, filter);
  const test: TextTest = isPattern
    ? (bytes, start, end, row) => {
        at = row;
        return plainTest(bytes, start, end, row);
      }
    : plainTest;
  const isPlain = action === "eq" || action === "ne" || action === "one_of";
  const fallback = Buffer.from(String(filter.default));
  const odd = unjudged(file, filter, () => test(fallback, 0, fallback.length, -1), undefined);
  // Texts are equal or not, and null is a text like no other.
  const ofNull = (row: number): number => (isPlain ? Number(action === "ne") : odd(row, "null"));
  return (cells, firstRow, mask) => {
    if (cells.kind !== "texts") {
      requireNulls(file, filter, cells);
      for (let i = 0; i < mask.length; i++) mask[i] = ofNull(firstRow + i);
      return;
    }
    const { bytes, starts, ends, valid } = cells;
    const judge = (): void => {
      for (let i = 0; i < mask.length; i++) {
        if (!isValid(valid, i)) mask[i] = ofNull(firstRow + i);
        else if (action === "lower_last_in" && starts[i] === ends[i]) mask[i] = odd(firstRow + i, "empty");
        else mask[i] = test(bytes, starts[i], ends[i], firstRow + i) ? 1 : 0;
      }
    };
    if (!isPattern) judge();
    else if (!withinTime(PATTERN_MS + PATTERN_MS_PER_ROW * mask.length, judge))
      throw patternSlow(file, at, filter);
  };
}

function patternSlow(file: ArrowFile, row: number, { name, target }: ColumnFilter): unknown {
  return arrowColumn(
    file.path,
    name,
    `keeps the pattern ${JSON.stringify(target)} busy for seconds at ${row < 0 ? "the filter's default" : `row ${row}`}`,
    "write the pattern so that one text fits it in one way: (a+)+ or .*.* try every way to split it",
  );
}

/** Whether the text `bytes[start, end)` of a row passes; row -1 is the filter's own default. */
type TextTest = (bytes: Buffer, start: number, end: number, row: number) => boolean;

function textTest(file: ArrowFile, filter: ColumnFilter): TextTest {
  const { action, target, nulls, name } = filter;
  const textOf = (bytes: Buffer, start: number, end: number): string => bytes.toString("utf8", start, end);
  if (action === "one_of") {
    const texts = new Set(target as string[]);
    return (bytes, start, end) => texts.has(textOf(bytes, start, end));
  }
  const wanted = Buffer.from(String(target), "utf8");
  const isEqual: TextTest = (bytes, start, end) =>
    end - start === wanted.length && bytes.compare(wanted, 0, wanted.length, start, end) === 0;
  if (action === "eq") return isEqual;
  if (action === "ne") return (...cell) => !isEqual(...cell);
  if (action === "contains" || action === "not_contains") {
    const pattern = pythonPattern(String(target));
    if (typeof pattern === "string") throw patternFault(name, String(target), pattern);
    const isWanted = action === "contains";
    return (bytes, start, end) => pattern.test(textOf(bytes, start, end)) === isWanted;
  }
  if (action === "lower_last_in")
    return (bytes, start, end) => {
      let at = end - 1;
      while (at > start && (bytes[at] & 0xc0) === 0x80) at--;
      return at >= start && String(target).includes(textOf(bytes, at, end).toLowerCase());
    };
  // `in` asks whether the cell is a piece of the target; a list written with commas is what people mean.
  const members = new Set(String(target).split(","));
  return (bytes, start, end, row) => {
    const text = end - start > wanted.length ? undefined : textOf(bytes, start, end);
    const isPiece = text !== undefined && String(target).includes(text);
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

function patternFault(name: string, target: string, what: string): unknown {
  return indexDifference(
    { file: `filter of ${name}` },
    "python-pattern",
    `the pattern ${JSON.stringify(target)} uses ${what}`,
    "write it otherwise; plain signs, |, [...], *, +, ?, {n,m}, ^, $ and \\d \\w \\s read alike",
  );
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
