import type { HyfwError } from "../define-error.js";
import { flagTwice, flagValue } from "../errors/command-line.js";
import { type Layer, makeLayer, nest } from "../preset/layer.js";
import { readWord, readWords } from "../preset/words.js";
import type { Option } from "../settings/options.js";
import { formatPath } from "../settings/path.js";

/** How a flag is read. */
export interface FlagSpec {
  readonly flag: string;
  readonly option: Option;
  /** Words that follow it: none, one, none or one, or all up to the next flag. */
  readonly takes: "none" | "one" | "optional" | "many";
  /** The value when no word follows. */
  readonly bare?: unknown;
}

/** A flag that stood on the command line. */
export interface GivenFlag {
  readonly spec: FlagSpec;
  readonly value: unknown;
}

/** Flags by their spelling. */
export type FlagTable = ReadonlyMap<string, FlagSpec>;

/**
 * The flags that options declare in their schemas.
 * @throws HYFW_PLUGIN_FLAG_TWICE when two options declare one flag
 */
export function flagTable(options: readonly Option[]): FlagTable {
  const table = new Map<string, FlagSpec>();
  const add = (spec: FlagSpec): void => {
    const other = table.get(spec.flag);
    if (other !== undefined)
      throw flagTwice(spec.flag, formatPath(other.option.path), formatPath(spec.option.path));
    table.set(spec.flag, spec);
  };
  for (const option of options) {
    const { flag, negatedBy, bareValue } = option.meta;
    if (flag !== undefined) {
      if (option.word === "boolean" && option.list === undefined)
        add({ flag, option, takes: "none", bare: true });
      else if (bareValue !== undefined) add({ flag, option, takes: "optional", bare: bareValue });
      else add({ flag, option, takes: option.list === undefined ? "one" : "many" });
    }
    if (negatedBy !== undefined) add({ flag: negatedBy, option, takes: "none", bare: false });
  }
  return table;
}

/** What reading a command line gives. */
export interface ParsedArguments {
  readonly given: readonly GivenFlag[];
  /** What no flag of the table takes, in its order: other flags, and words. */
  readonly rest: readonly string[];
  readonly problems: readonly HyfwError[];
}

/** Reads `--flag value`, `--flag=value`, `--flag` and `--flag a b c`; everything else is left in `rest`. */
export function parseArguments(argv: readonly string[], table: FlagTable): ParsedArguments {
  const given: GivenFlag[] = [];
  const rest: string[] = [];
  const problems: HyfwError[] = [];
  let next = 0;
  while (next < argv.length) {
    const word = argv[next++] ?? "";
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const spec = table.get(equals < 0 ? word : word.slice(0, equals));
    if (spec === undefined) {
      rest.push(word);
      continue;
    }
    const words: string[] = equals < 0 ? [] : [word.slice(equals + 1)];
    const limit = equals >= 0 || spec.takes === "none" ? 0 : spec.takes === "many" ? argv.length : 1;
    for (let left = limit; left > 0 && next < argv.length && !isFlag(argv[next] ?? ""); left--)
      words.push(argv[next++] ?? "");
    if (words.length > 0) given.push({ spec, value: readFlag(words, spec) });
    else if (spec.bare !== undefined) given.push({ spec, value: spec.bare });
    else problems.push(flagValue(spec.flag, `needs a value: ${spec.option.accepts}`));
  }
  return { given, rest, problems };
}

/** The same flags, a list that was given several times as one list with everything in it. */
export function gatherLists(given: readonly GivenFlag[]): GivenFlag[] {
  const gathered = new Map<string, GivenFlag>();
  for (const { spec, value } of given) {
    const before = gathered.get(spec.flag)?.value;
    const isMore = spec.takes === "many" && Array.isArray(before) && Array.isArray(value);
    gathered.set(spec.flag, { spec, value: isMore ? [...before, ...value] : value });
  }
  return [...gathered.values()];
}

/** Flags as layers over the settings, in the order in which they were written. */
export function flagLayers(given: readonly GivenFlag[], cwd: string): Layer[] {
  return given.map(({ spec, value }) => makeLayer("flag", spec.flag, cwd, nest(spec.option.path, value)));
}

/** Whether a word is a flag; a negative number is not. */
export function isFlag(word: string): boolean {
  return /^-{1,2}[a-zA-Z]/.test(word) || word === "--";
}

function readFlag(words: readonly string[], spec: FlagSpec): unknown {
  const value = readWords(words, spec.option);
  // `--no-x=false` means x.
  if (spec.bare === false && typeof value === "boolean") return !value;
  return spec.takes === "optional" ? readWord(words[0] ?? "", spec.option) : value;
}
