/** How a BERT tokenizer prepares text; the fields of its tokenizer_config.json. */
export interface BertTextRules {
  readonly lowerCase: boolean;
  /** Left out: as `lowerCase`. */
  readonly stripAccents: boolean | null;
  readonly splitChinese: boolean;
}

/** Stretches of code points that BERT counts as Chinese characters: CJK ideographs, not kana or hangul. */
const CHINESE: readonly (readonly [number, number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b820, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
];
const OTHER = /^\p{C}$/u;
const SPACE = /^[\t\n\r\p{Zs}]$/u;
/** What Python's `str.split` splits at, of what is left after cleaning. */
const BETWEEN_WORDS = /[ \u2028\u2029]+/u;
const PUNCTUATION = /[\p{P}\u0021-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007e]/u;
const PIECES = new RegExp(`${PUNCTUATION.source}|(?:(?!${PUNCTUATION.source})\\S)+`, "gu");

/**
 * A section of a caption as BERT's WordPiece gets it (Devlin et al. 2018, BasicTokenizer): control characters go,
 * spaces become one kind, Chinese characters stand alone, composed (NFC); then each word in lower case and without
 * accents. Words are joined by single spaces.
 */
export function bertText(text: string, { lowerCase, stripAccents, splitChinese }: BertTextRules): string {
  let clean = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (SPACE.test(character)) clean += " ";
    else if (code === 0xfffd || OTHER.test(character)) continue;
    else if (splitChinese && isChinese(code)) clean += ` ${character} `;
    else clean += character;
  }
  const words = clean.normalize("NFC").split(BETWEEN_WORDS).filter(Boolean);
  const withoutAccents = stripAccents ?? lowerCase;
  return words
    .map((word) => (lowerCase ? word.toLowerCase() : word))
    .map((word) => (withoutAccents ? word.normalize("NFD").replace(/\p{Mn}/gu, "") : word))
    .join(" ");
}

/** Words of a normalised section; every punctuation mark is one by itself. */
export function bertWords(text: string): string[] {
  return text.match(PIECES) ?? [];
}

function isChinese(code: number): boolean {
  return CHINESE.some(([first, last]) => code >= first && code <= last);
}
