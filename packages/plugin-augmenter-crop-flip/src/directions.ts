import { PhraseFinder, type Row } from "@hyfw/core";

/** About so many (20岁左右) is no direction; neither is "right now" or "all right". */
const NO_DIRECTION =
  /[\d０-９一二三四五六七八九十百千万两几半]\s*[\p{Script=Han}A-Za-z]{0,3}左右|\ball right\b|\bright (?:now|away)\b|\bleft ?overs?\b/giu;
const DIRECTION =
  /[左右]|(?<![\p{L}\p{N}])(?:left|right)(?:most|wards?|[-_ ]?(?:hand(?:ed)?|side))?(?![\p{L}\p{N}])|(?<![\p{L}])(?:anti|counter)?-?clockwise(?![\p{L}])/iu;

/** Whether a text speaks of left or right, in Chinese or English; in doubt it does. */
export function speaksOfSides(text: string): boolean {
  return DIRECTION.test(text.replace(NO_DIRECTION, " "));
}

/** Tells rows that must not be mirrored: one of their captions or tags speaks of sides, or holds one of the phrases. */
export function mirrorGuard({
  flipDirections,
  flipNever,
}: {
  readonly flipDirections: boolean;
  readonly flipNever: readonly string[];
}): (row: Pick<Row, "texts" | "tags">, captions: readonly string[]) => boolean {
  const phrases = new PhraseFinder(flipNever);
  const forbids = (text: string): boolean =>
    (!flipDirections && speaksOfSides(text)) || phrases.find(text).length > 0;
  return ({ texts, tags }, captions) =>
    [...Object.values(texts), ...Object.values(tags).flat(), ...captions].some(forbids);
}
