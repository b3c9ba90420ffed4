import { describeValue } from "../errors/words.js";
import type { Option } from "../settings/options.js";
import { formatPath } from "../settings/path.js";

/** Options as help shows them, one group after the other: flag, setting, what it takes, default, sentence. */
export function formatOptions(groups: readonly { title: string; options: readonly Option[] }[]): string {
  return groups
    .filter(({ options }) => options.length > 0)
    .map(({ title, options }) => [title, ...options.map((option) => formatOption(option))].join("\n"))
    .join("\n\n");
}

/** Flags of one command, whose options are not settings. */
export function formatFlags(options: readonly Option[]): string {
  const rows = options.filter(({ meta }) => meta.flag !== undefined);
  if (rows.length === 0) return "";
  return rows.map((option) => `  ${flagOf(option)}\n      ${sentence(option)}`).join("\n");
}

function formatOption(option: Option): string {
  const path = formatPath(option.path);
  const spelling = option.meta.flag === undefined ? path : `${flagOf(option)}, ${path}`;
  return `  ${spelling}\n      ${sentence(option)}`;
}

function flagOf({ meta, word, list, accepts }: Option): string {
  const value = word === "boolean" && list === undefined ? "" : ` <${accepts}>`;
  const flag = `${meta.flag}${meta.bareValue === undefined ? value : ` [${accepts}]`}`;
  return meta.negatedBy === undefined ? flag : `${flag}, ${meta.negatedBy}`;
}

function sentence(option: Option): string {
  const isBare = option.meta.flag === undefined;
  const accepts = isBare ? ` Takes ${option.accepts}.` : "";
  if (option.default !== undefined)
    return `${option.description}${accepts} Default: ${describeValue(option.default)}.`;
  return `${option.description}${accepts}${option.isRequired ? " Must be set." : ""}`;
}
