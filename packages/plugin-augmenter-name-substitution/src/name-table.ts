import { foldPhrase } from "@hyfw/core";
import { nameTableAmbiguous, nameTableUnreadable } from "./errors.js";

/** One name as a table lists it. */
export interface ListedName {
  /** Its English spellings; the first is how it is called in reports. */
  readonly en: readonly string[];
  /** Its Chinese spellings; a replacement draws one. */
  readonly zh: readonly string[];
  readonly file: string;
  /** Where it stands, for messages: `line 12` of a CSV, `entry 12` of a JSON file. */
  readonly place: string;
}

/** A name that is not one to one, and why. */
export interface AmbiguousName {
  readonly name: ListedName;
  readonly why: string;
}

/** Names, one to one: no two share a spelling in either language, spellings made alike. */
export interface NameTable {
  readonly names: readonly ListedName[];
  /** Left alone in captions, and no part of them is taken for another name. */
  readonly ambiguous: readonly AmbiguousName[];
  /** One per source: `names.csv: 812 names`. */
  readonly sources: readonly string[];
}

/**
 * Joins listed names into one table, checked to be one to one. A name that is listed twice alike counts once.
 * @throws HYFW_NAME_TABLE for an empty name, HYFW_NAME_TABLE_AMBIGUOUS unless ambiguous names are to be skipped
 */
export function nameTable(
  listed: readonly ListedName[],
  onAmbiguous: "error" | "skip",
  sources: readonly string[] = [],
): NameTable {
  for (const { en, zh, file, place } of listed)
    if (en.length === 0 || zh.length === 0 || [...en, ...zh].some((one) => foldPhrase(one) === ""))
      throw nameTableUnreadable(file, `${place} has an empty name`);
  const distinct = [...new Map(listed.toReversed().map((name) => [identity(name), name])).values()].reverse();
  const clashes = [...clashesOf(distinct, "en"), ...clashesOf(distinct, "zh")];
  const [first] = clashes;
  if (first !== undefined && onAmbiguous === "error")
    throw nameTableAmbiguous(
      first.what,
      where(first.one, first.side),
      where(first.other, first.side),
      clashes.length - 1,
    );
  const why = new Map<ListedName, string>();
  for (const { one, other, what } of clashes)
    for (const name of [one, other]) why.set(name, why.get(name) ?? what);
  return {
    names: distinct.filter((name) => !why.has(name)),
    ambiguous: [...why].map(([name, what]) => ({ name, why: what })),
    sources,
  };
}

interface Clash {
  readonly one: ListedName;
  readonly other: ListedName;
  readonly side: "en" | "zh";
  readonly what: string;
}

/** Pairs of names that share a spelling; each name with the first that has it. */
function* clashesOf(names: readonly ListedName[], side: "en" | "zh"): Generator<Clash> {
  const owners = new Map<string, ListedName>();
  for (const name of names) {
    for (const spelling of name[side]) {
      const folded = foldPhrase(spelling);
      const owner = owners.get(folded);
      const shown = JSON.stringify(spelling);
      const what = side === "en" ? `${shown} has two Chinese names` : `${shown} stands for two English names`;
      if (owner === undefined) owners.set(folded, name);
      else if (owner !== name) yield { one: owner, other: name, side, what };
    }
  }
}

function identity({ en, zh }: ListedName): string {
  const alike = (spellings: readonly string[]): string[] => [...new Set(spellings.map(foldPhrase))].sort();
  return JSON.stringify([alike(en), alike(zh)]);
}

function where({ file, place, en, zh }: ListedName, side: "en" | "zh"): string {
  return `${file} ${place} (${(side === "en" ? zh : en).join(" | ")})`;
}
