import { foldPhrase, PhraseFinder, type Row } from "@hyfw/core";
import { type CaptionItem, captionItems } from "./caption-items.js";
import { findYears, yearNumbers } from "./year-forms.js";

/** A tag of the row, or a year, written in a caption. */
export interface TagPlace {
  readonly start: number;
  readonly end: number;
  /** Spelling made alike. */
  readonly tag: string;
  /** The categories that list it. */
  readonly categories: readonly string[];
}

/** What of a caption tags may be taken from. */
export interface CaptionTags {
  readonly items: readonly CaptionItem[];
  /** By rising place, not overlapping. */
  readonly places: readonly TagPlace[];
}

/** The tags of a row by their spelling made alike, with the categories that list them. */
export function tagsOf({ tags }: Pick<Row, "tags">): ReadonlyMap<string, readonly string[]> {
  const categories = new Map<string, string[]>();
  for (const [category, list] of Object.entries(tags))
    for (const tag of list) {
      const key = foldPhrase(tag);
      if (key !== "") categories.set(key, [...new Set([...(categories.get(key) ?? []), category])]);
    }
  return categories;
}

/**
 * Every copy of the row's tags in a text, as an item of a list or inside a sentence, the longest where several fit.
 * Years are found in all their forms: anywhere when the row lists that year, as whole items otherwise.
 */
export function findTags(text: string, row: Pick<Row, "tags">): CaptionTags {
  const items = captionItems(text);
  const listed = [...tagsOf(row)];
  const places = new PhraseFinder(listed.map(([tag]) => tag))
    .find(text)
    .map(({ phrase, start, end }): TagPlace => {
      const [tag = "", categories = []] = listed[phrase] ?? [];
      return { start, end, tag, categories };
    });
  const known = yearNumbers(row.tags.year ?? []);
  const years = findYears(text).flatMap(({ start, end, year }): TagPlace[] => {
    const isItem = items.some((item) => item.start === start && item.end === end);
    if (!isItem && !(year !== undefined && known.has(year))) return [];
    return [{ start, end, tag: year ?? foldPhrase(text.slice(start, end)), categories: ["year"] }];
  });
  return { items, places: longest([...places, ...years]) };
}

/** Of places that overlap the longest, of equal ones the first given. */
function longest(places: readonly TagPlace[]): TagPlace[] {
  const ranked = [...places].sort((a, b) => b.end - b.start - (a.end - a.start));
  const taken: TagPlace[] = [];
  for (const place of ranked)
    if (taken.every(({ start, end }) => end <= place.start || start >= place.end)) taken.push(place);
  return taken.sort((a, b) => a.start - b.start);
}
