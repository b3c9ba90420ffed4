const LETTER = /[\p{L}\p{N}\p{M}]/u;
const CHINESE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー々]/u;
const HANGUL = /\p{Script=Hangul}/u;
/** Signs that join what stands on both their sides into one word: `spider-man`, `o'brien`. */
const JOINER = /[-‐‑'’ʼ＇]/u;

/** A shorter Chinese phrase is taken for a part of a longer word when Chinese signs stand right beside it. */
const CHINESE_WORD = 3;

/**
 * Whether what stands at a place in a text is only a part of a longer word. Letters and digits beside it join, so do
 * underscores, and hyphens and apostrophes with a letter behind them, except a genitive 's. Chinese has no gaps
 * between words: two signs with others beside them count as a part (东方 in 东方红), three or more do not.
 */
export function isJoined(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
): boolean {
  const inside = [...text.slice(start, end)];
  const before = signBefore(text, start);
  const after = signAfter(text, end);
  if (before === "_" || after === "_") return true;
  const first = inside[0] ?? "";
  const last = inside.at(-1) ?? "";
  if (isWordSign(first)) {
    if (isWordSign(before)) return true;
    if (JOINER.test(before) && isWordSign(signBefore(text, start - before.length))) return true;
  }
  if (isWordSign(last)) {
    if (isWordSign(after)) return true;
    if (JOINER.test(after) && isWordSign(signAfter(text, end + after.length)) && !isGenitive(text, end))
      return true;
  }
  if (inside.length >= CHINESE_WORD) return false;
  return (CHINESE.test(first) && CHINESE.test(before)) || (CHINESE.test(last) && CHINESE.test(after));
}

/** Whether a sign is a letter or digit of a script that writes words apart. */
export function isWordSign(sign: string): boolean {
  return LETTER.test(sign) && !CHINESE.test(sign) && !HANGUL.test(sign);
}

function isGenitive(text: string, at: number): boolean {
  return /^['’ʼ＇]s(?![\p{L}\p{N}_])/iu.test(text.slice(at, at + 3));
}

function signBefore(text: string, at: number): string {
  const low = text.charCodeAt(at - 1);
  const isPair = low >= 0xdc00 && low <= 0xdfff && at > 1;
  return at < 1 ? "" : text.slice(at - (isPair ? 2 : 1), at);
}

function signAfter(text: string, at: number): string {
  const point = text.codePointAt(at);
  return point === undefined ? "" : String.fromCodePoint(point);
}
