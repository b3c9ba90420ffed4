import type { PartEnd } from "./slice-part.js";

/** Distinct tags counted per category; more are counted together. */
const MOST_TAGS = 200_000;

/** Under this name tags beyond the limit are counted. */
export const FURTHER_TAGS = "(further tags)";

/** Counts what kept rows hold: caption lengths and tags. */
export class RowCounts {
  readonly captions = new Map<string, Map<number, number>>();
  readonly tags = new Map<string, Map<string, number>>();

  add(captions: ReadonlyMap<string, string | null>, tags: Readonly<Record<string, readonly string[]>>): void {
    for (const [column, text] of captions) this.#length(column, text === null ? 0 : [...text].length, 1);
    for (const [category, words] of Object.entries(tags))
      for (const word of words) this.#tag(category, word, 1);
  }

  /** Adds the counts of a finished slice. */
  addPart({ captions, tags }: Pick<PartEnd, "captions" | "tags">): void {
    for (const [column, lengths] of Object.entries(captions))
      for (const [length, count] of Object.entries(lengths)) this.#length(column, Number(length), count);
    for (const [category, words] of Object.entries(tags))
      for (const [word, count] of Object.entries(words)) this.#tag(category, word, count);
  }

  toPart(): Pick<PartEnd, "captions" | "tags"> {
    const plain = <Key>(maps: ReadonlyMap<string, ReadonlyMap<Key, number>>) =>
      Object.fromEntries(
        [...maps].map(([name, counts]) => [name, Object.fromEntries(counts) as Record<string, number>]),
      );
    return { captions: plain(this.captions), tags: plain(this.tags) };
  }

  #length(column: string, length: number, count: number): void {
    const lengths = this.captions.get(column) ?? new Map<number, number>();
    this.captions.set(column, lengths.set(length, (lengths.get(length) ?? 0) + count));
  }

  #tag(category: string, word: string, count: number): void {
    const words = this.tags.get(category) ?? new Map<string, number>();
    const name = words.has(word) || words.size < MOST_TAGS ? word : FURTHER_TAGS;
    this.tags.set(category, words.set(name, (words.get(name) ?? 0) + count));
  }
}
