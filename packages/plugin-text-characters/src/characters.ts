import type { CaptionReach } from "@hyfw/core";

/** The id that fills a caption up to its length. */
export const PADDING = 0;
/** The id that every caption begins with, so that an empty one still says something. */
export const START = 1;
const FIRST = 2;

/** What one row of a table stands for: a code point each, or a whole word where a script has spaces between them. */
export type Units = "characters" | "words";

/** How captions become numbers. */
export interface Numbering {
  /** Ids at most, the start mark included. */
  readonly length: number;
  /** Rows that ids lie in. */
  readonly buckets: number;
  readonly units: Units;
}

const PATTERNS: Readonly<Record<Units, RegExp>> = {
  characters: /./gsu,
  // Chinese signs mean something alone, letters only together; marks that follow a letter belong to its word.
  words: /\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{M}])+|\p{N}+|[^\s\p{L}\p{M}\p{N}]/gu,
};

/**
 * A caption as numbers: folded (NFKC, lower case, runs of blanks as one), each unit hashed into `buckets` − 2 rows. The
 * start mark comes first; what is longer than `length` is cut.
 * @returns at most `length` ids
 */
export function captionIds(caption: string, { length, buckets, units }: Numbering): number[] {
  const folded = caption.normalize("NFKC").toLowerCase().replace(/\s+/gu, " ").trim();
  const ids = [START];
  for (const [unit] of folded.matchAll(PATTERNS[units])) {
    if (ids.length === length) break;
    ids.push(FIRST + (hash(unit) % (buckets - FIRST)));
  }
  return ids;
}

/**
 * How far `captionIds` reads into a caption. Folding changes lengths, so that the place is found by folding ever
 * longer beginnings, halving the stretch each time.
 */
export function captionReach(caption: string, length: number, units: Units): CaptionReach {
  const count = (text: string): number =>
    captionIds(text, { length: Number.POSITIVE_INFINITY, buckets: FIRST + 1, units }).length;
  const tokens = count(caption);
  if (tokens <= length) return { tokens, limit: length, end: caption.length };
  let fits = 0;
  let over = caption.length;
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (count(caption.slice(0, middle)) <= length) fits = middle;
    else over = middle;
  }
  const isSplit =
    /[\uD800-\uDBFF]$/.test(caption.slice(0, fits)) && /^[\uDC00-\uDFFF]/.test(caption.slice(fits));
  return { tokens, limit: length, end: isSplit ? fits - 1 : fits };
}

/** One number of a unit's code points. Weights depend on it, so it never changes. */
function hash(unit: string): number {
  let state = 0;
  for (const character of unit) state = mix((Math.imul(state, 31) + (character.codePointAt(0) ?? 0)) >>> 0);
  return state;
}

/** MurmurHash3's mixer: a fixed, even spread of 32-bit numbers. Weights depend on it, so it never changes. */
function mix(value: number): number {
  let state = value;
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
