import { type Caption, foldPhrase, PhraseFinder } from "@hyfw/core";
import type { ListedName, NameTable } from "./name-table.js";

/** One name found in a text. */
export interface FoundName {
  readonly name: ListedName;
  /** Its first English spelling, made alike: what its draws are keyed by. */
  readonly key: string;
  readonly isAmbiguous: boolean;
  readonly start: number;
  readonly end: number;
}

/** Finds the names of a table in texts, in one pass. */
export class NameFinder {
  private readonly finder: PhraseFinder;
  private readonly known = new WeakMap<Caption, readonly FoundName[]>();
  /** By number of the spelling. */
  private readonly owners: Omit<FoundName, "start" | "end">[] = [];

  constructor({ names, ambiguous }: Pick<NameTable, "names" | "ambiguous">) {
    const spellings: string[] = [];
    const add = (name: ListedName, isAmbiguous: boolean): void => {
      const owner = { name, key: foldPhrase(name.en[0] ?? ""), isAmbiguous };
      for (const spelling of name.en) {
        spellings.push(spelling);
        this.owners.push(owner);
      }
    };
    for (const { name } of ambiguous) add(name, true);
    for (const name of names) add(name, false);
    this.finder = new PhraseFinder(spellings);
  }

  /** The names in a caption, searched for once, however many ask. */
  findIn(caption: Caption): readonly FoundName[] {
    const known = this.known.get(caption) ?? this.find(caption.text);
    this.known.set(caption, known);
    return known;
  }

  /** All names in a text, by rising place, not overlapping. */
  find(text: string): FoundName[] {
    return this.finder.find(text).flatMap(({ phrase, start, end }) => {
      const owner = this.owners[phrase];
      return owner === undefined ? [] : [{ ...owner, start, end }];
    });
  }
}
