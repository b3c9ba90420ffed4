import type { CaptionReach } from "@hyfw/core";

/** The id that fills a caption up to its length. */
export const PADDING = 0;
/** The id that every caption begins with, so that an empty one still says something. */
export const START = 1;
const FIRST = 2;

/**
 * Characters of a caption as numbers: folded (NFKC, lower case, runs of blanks as one), each code point hashed into
 * `buckets` − 2 rows. The start mark comes first; what is longer than `length` is cut.
 * @returns at most `length` ids
 */
export function characterIds(caption: string, length: number, buckets: number): number[] {
  const folded = caption.normalize("NFKC").toLowerCase().replace(/\s+/gu, " ").trim();
  const ids = [START];
  for (const character of folded) {
    if (ids.length === length) break;
    ids.push(FIRST + (mix(character.codePointAt(0) ?? 0) % (buckets - FIRST)));
  }
  return ids;
}

/**
 * How far `characterIds` reads into a caption. Folding changes lengths, so that the place is found by folding ever
 * longer beginnings, halving the stretch each time.
 */
export function characterReach(caption: string, length: number): CaptionReach {
  const count = (text: string): number => characterIds(text, Number.POSITIVE_INFINITY, FIRST + 1).length;
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

/** MurmurHash3's mixer: a fixed, even spread of 32-bit numbers. Weights depend on it, so it never changes. */
function mix(value: number): number {
  let state = value;
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
