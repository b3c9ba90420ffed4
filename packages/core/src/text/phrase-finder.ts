import { foldPhrase, foldText } from "./fold-text.js";
import { isJoined, isWordSign } from "./word-edges.js";

/** One phrase found in a text. */
export interface FoundPhrase {
  /** Place of the phrase in the list that the finder was made of. */
  readonly phrase: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Finds phrases in texts: whole words only, the leftmost first and there the longest, spellings made alike by
 * `foldText`. From each start of a word it goes on word by word for as long as some phrase begins so: one hash look-up
 * for each, however many phrases there are. The work for a word is bounded by the longest phrase, so that it grows
 * linearly with the text.
 */
export class PhraseFinder {
  private readonly ids = new Map<string, number>();
  /** Every beginning of a phrase that ends where a word does. */
  private readonly beginnings = new Set<string>();

  /** @param phrases of those that fold alike the first counts; those that fold to nothing are never found */
  constructor(phrases: Iterable<string>) {
    let id = 0;
    for (const phrase of phrases) {
      const folded = foldPhrase(phrase);
      if (folded !== "" && !this.ids.has(folded)) {
        this.ids.set(folded, id);
        for (const end of wordEnds(folded))
          if (end < folded.length) this.beginnings.add(folded.slice(0, end));
      }
      id += 1;
    }
  }

  /** All phrases in a text, by rising place, not overlapping. */
  find(original: string): FoundPhrase[] {
    const found: FoundPhrase[] = [];
    if (this.ids.size === 0) return found;
    const { text, starts, ends } = foldText(original);
    const stops = wordEnds(text);
    const isSplit = (at: number): boolean => at > 0 && starts[at] === starts[at - 1];
    for (let begin = 0, stop = 0; begin < text.length; ) {
      while ((stops[stop] ?? text.length) <= begin) stop += 1;
      let next = stops[stop] ?? text.length;
      if (text[begin] !== " " && !isSplit(begin)) {
        for (let n = stop; n < stops.length; n++) {
          const end = stops[n] ?? 0;
          if (text[end - 1] === " ") continue;
          const key = text.slice(begin, end);
          const phrase = this.ids.get(key);
          if (phrase !== undefined && !isSplit(end)) {
            const place = { start: starts[begin] ?? 0, end: ends[end - 1] ?? 0 };
            if (!isJoined(original, place)) {
              const last = found.at(-1);
              if (last !== undefined && last.start === place.start) found.pop();
              found.push({ phrase, ...place });
              next = end;
            }
          }
          if (!this.beginnings.has(key)) break;
        }
      }
      begin = next;
    }
    return found;
  }
}

/** Every place in a folded text that a word may end at: after each sign that is no letter, and after runs of letters. */
function wordEnds(text: string): number[] {
  const ends: number[] = [];
  let isInWord = false;
  let at = 0;
  for (const sign of text) {
    const isLetter = sign < "\u0080" ? isPlainLetter(sign) : isWordSign(sign);
    if (at > 0 && !(isInWord && isLetter)) ends.push(at);
    isInWord = isLetter;
    at += sign.length;
  }
  if (at > 0) ends.push(at);
  return ends;
}

/** ASCII letters and digits, the former folded to lower case. */
function isPlainLetter(sign: string): boolean {
  return (sign >= "a" && sign <= "z") || (sign >= "0" && sign <= "9");
}
