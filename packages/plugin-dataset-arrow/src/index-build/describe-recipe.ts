import type { ColumnFilter, ColumnRule, IndexRecipe, Md5Filter, Md5Repeater } from "./index-recipe.js";
import { pythonFloat, pythonList } from "./python-text.js";

const SIGNS: Readonly<Record<string, string>> = { eq: "==", ne: "!=", gt: ">", lt: "<", ge: ">=", le: "<=" };
const CALLS: Readonly<Record<string, string>> = {
  contains: ".contains",
  not_contains: ".not_contains",
  in: ".isin",
  not_in: ".notin",
  lower_last_in: "[-1].lower().isin",
  one_of: ".one_of",
};
/** Lines of one entry that follow the first are indented like this. */
const INDENT = `\n${" ".repeat(22)}`;

/** The lines that an index keeps about how it was made, word for word as the official builder writes them. */
export function describeRecipe(recipe: IndexRecipe): string[] {
  return [
    ...recipe.columnFilters.map(ruleText),
    ...recipe.md5Filters.map(md5Text),
    ...recipe.md5Repeaters.map(repeaterText),
    ...recipe.keywordRepeaters.map(
      ({ repeat, keyword }) => `[Keyword] Repeat ${repeat} times: ${pythonList(keyword)}`,
    ),
    recipe.removeMd5Dup ? "Remove md5 duplicates." : "Keep md5 duplicates.",
  ];
}

/** The name of a rule in the statistics. */
export function ruleName(rule: ColumnRule): string {
  return "logicalOr" in rule ? rule.logicalOr.map(({ name }) => name).join("|") : rule.name;
}

function ruleText(rule: ColumnRule): string {
  return "logicalOr" in rule ? rule.logicalOr.map(filterText).join(" || ") : filterText(rule);
}

function filterText(filter: ColumnFilter): string {
  const { name, action, target, arrowFileKeyword } = filter;
  const value = Array.isArray(target) ? pythonList(target) : valueText(target, filter.type);
  const call = CALLS[action];
  const length = action.startsWith("len_");
  const test =
    call !== undefined
      ? `${call}(${value})`
      : `${length ? ".len()" : ""}${SIGNS[action.slice(length ? 4 : 0)]}${value}`;
  const keys = arrowFileKeyword.length === 0 ? "" : `, arrow_file_keys=${pythonList(arrowFileKeyword)}`;
  return `${name}${test} (default=${valueText(filter.default, filter.type)}${keys})`;
}

function md5Text({ name, path, type, action, target, isValid, arrowFileKeyword }: Md5Filter): string {
  const value = type === "dict" ? `${INDENT}--> value${SIGNS[action]}${valueText(target ?? "", "")}` : "";
  const keys = arrowFileKeyword.length === 0 ? "" : `(arrow_file_keys=${pythonList(arrowFileKeyword)})`;
  return `${isValid ? "Good" : " Bad"} Cases (md5): ${path.join(INDENT)}${value} ${keys} | ${name}`;
}

function repeaterText({ type, repeat, path }: Md5Repeater): string {
  return `[MD5] Repeat ${type === "dict" ? "multiple" : repeat} times: ${path}`;
}

function valueText(value: number | boolean | string, type: string): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return value;
  return type === "float" || !Number.isInteger(value) ? pythonFloat(value) : String(value);
}
