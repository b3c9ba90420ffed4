/** A text made alike for comparing, with the way back to where each of its code units came from. */
export interface FoldedText {
  readonly text: string;
  /** Place in the original that a code unit starts at, and the place after its end. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

const BLANK = /[\s_]/u;
const MARK = /^\p{M}$/u;
const PARENTHESES = new Set(["(", ")", "（", "）"]);
const APOSTROPHES = new Set(["\u2018", "\u2019", "\u02bc", "\uff07"]);

/**
 * Makes spellings of one phrase alike: lower case, full-width forms and ligatures as plain letters (NFKC, letter by
 * letter), runs of blanks and underscores as one blank, none beside parentheses, no backslash before them, straight
 * apostrophes.
 */
export function foldText(original: string): FoldedText {
  const units: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const push = (unit: string, start: number, end: number): void => {
    units.push(unit);
    starts.push(start);
    ends.push(end);
  };
  for (let at = 0; at < original.length; ) {
    const end = clusterEnd(original, at);
    const folded = end === at + 1 ? foldSign(original, at) : foldCluster(original.slice(at, end));
    const last = units.at(-1);
    if (folded === "(" || folded === ")") {
      if (last === " ") units.length = starts.length = ends.length = units.length - 1;
      // An escaping backslash belongs to its parenthesis.
      push(folded, original.charAt(at - 1) === "\\" ? at - 1 : at, end);
    } else if (folded === " ") {
      if (last === " ") ends[ends.length - 1] = end;
      else if (last !== "(" && last !== ")") push(folded, at, end);
    } else if (folded.length === 1) push(folded, at, end);
    else for (const unit of folded.split("")) push(unit, at, end);
    at = end;
  }
  return { text: units.join(""), starts, ends };
}

/** A phrase as `foldText` makes it, without blanks at its ends. */
export function foldPhrase(phrase: string): string {
  return foldText(phrase).text.trim();
}

/** The end of the letter that starts at `at`, with the combining marks that follow it. */
function clusterEnd(text: string, at: number): number {
  let end = at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
  while (end < text.length && text.charCodeAt(end) >= 0x300) {
    const next = String.fromCodePoint(text.codePointAt(end) ?? 0);
    if (!MARK.test(next)) break;
    end += next.length;
  }
  return end;
}

/** One code unit that no combining mark follows. */
function foldSign(original: string, at: number): string {
  const sign = original.charAt(at);
  const code = original.charCodeAt(at);
  if (code >= 0x80) return foldCluster(sign);
  if (code === 0x5f || code === 0x20 || (code >= 9 && code <= 13)) return " ";
  if (sign === "\\" && PARENTHESES.has(original.charAt(at + 1))) return "";
  return code >= 0x41 && code <= 0x5a ? String.fromCharCode(code + 32) : sign;
}

function foldCluster(cluster: string): string {
  if (BLANK.test(cluster)) return " ";
  if (APOSTROPHES.has(cluster)) return "'";
  const folded = cluster.normalize("NFKC").toLowerCase();
  return folded === "_" ? " " : folded;
}
