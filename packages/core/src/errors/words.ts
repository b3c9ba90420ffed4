/** Names for an error, or that there are none. */
export const list = (words: readonly string[]): string => (words.length === 0 ? "none" : words.join(", "));
/** The nearest name as the end of a sentence, where there is one. */
export const didYouMean = (near: string | undefined): string =>
  near === undefined ? "" : `; did you mean ${near}?`;
/** What another error said. */
export const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** A value in one short line: text quoted, long values cut. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A list for an error: the first few, and how many more. */
export function someOf(rows: readonly string[]): string {
  const shown = rows.slice(0, 8).join(", ");
  return rows.length > 8 ? `${shown} and ${rows.length - 8} more` : shown;
}
