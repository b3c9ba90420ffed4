const SPACE = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const ENDS = new RegExp(`^${SPACE}|${SPACE}$`, "gu");

/**
 * The text without blanks at its ends, by Python's rules, which the official tools follow: U+001C to U+001F and U+0085 count as blanks,
 * the byte-order mark and the zero-width space do not.
 */
export function strip(text: string): string {
  return text.replace(ENDS, "");
}
