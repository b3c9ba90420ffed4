/** A text made alike for comparing, with the way back to where each of its code units came from. */
export interface FoldedText {
  readonly text: string;
  /** Place in the original that a code unit starts at, and the place after its end. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

const BLANK = /[\s_]/u;
const MARK = /^\p{M}$/u;
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
  const push = (text: string, start: number, end: number): void => {
    for (const unit of text.split("")) {
      units.push(unit);
      starts.push(start);
      ends.push(end);
    }
  };
  for (let at = 0; at < original.length; ) {
    const end = clusterEnd(original, at);
    const cluster = original.slice(at, end);
    const folded = foldCluster(cluster, original.charAt(end));
    const last = units.at(-1);
    if (folded === "(" || folded === ")") {
      if (last === " ") units.length = starts.length = ends.length = units.length - 1;
      // An escaping backslash belongs to its parenthesis.
      const from = original.charAt(at - 1) === "\\" ? at - 1 : at;
      push(folded, from, end);
    } else if (folded !== " " || (last !== " " && last !== "(" && last !== ")")) push(folded, at, end);
    else if (last === " ") ends[ends.length - 1] = end;
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

function foldCluster(cluster: string, next: string): string {
  if (BLANK.test(cluster)) return " ";
  if (cluster === "\\" && /[()（）]/u.test(next)) return "";
  if (APOSTROPHES.has(cluster)) return "'";
  if (cluster.length === 1 && cluster < "\u0080") return cluster.toLowerCase();
  const folded = cluster.normalize("NFKC").toLowerCase();
  return folded === "_" ? " " : folded;
}
