import type { CaptionReach } from "@hyfw/core";

/** Captions of one encoder as numbers. */
export interface CaptionTokenizer {
  /** Ids of a whole caption, special tokens included, nothing cut. */
  encode(text: string): number[];
  /** `encode` cut to `length` as this tokenizer cuts: the last special token stays. */
  cut(ids: readonly number[], length: number): readonly number[];
  /** The id that fills a caption up in sampling; the official pipeline's. */
  readonly padding: number;
  /** One more than the largest id. */
  readonly size: number;
}

/** Keeps the last id, which closes the caption, and as many of the first as fit before it. */
export function cutBeforeLast(ids: readonly number[], length: number): readonly number[] {
  const last = ids.at(-1);
  return ids.length <= length || last === undefined ? ids : [...ids.slice(0, length - 1), last];
}

/**
 * How far an encoder of `limit` tokens reads into a caption. Tokens do not say where they came from, so the place is
 * found by encoding ever longer beginnings, halving the stretch each time.
 */
export function captionReach(tokenizer: CaptionTokenizer, caption: string, limit: number): CaptionReach {
  const count = (text: string): number => tokenizer.encode(text).length;
  const tokens = count(caption);
  if (tokens <= limit) return { tokens, limit, end: caption.length };
  let fits = 0;
  let over = caption.length;
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (count(caption.slice(0, middle)) <= limit) fits = middle;
    else over = middle;
  }
  const isSplit =
    /[\uD800-\uDBFF]$/.test(caption.slice(0, fits)) && /^[\uDC00-\uDFFF]/.test(caption.slice(fits));
  return { tokens, limit, end: isSplit ? fits - 1 : fits };
}
