/** A stretch of a caption that was changed: `text.slice(at, at + length)` stands where `was` stood. */
export interface CaptionMark {
  readonly at: number;
  readonly length: number;
  readonly was: string;
  /** Who changed it and why: `name-substitution`, `tag-dropout: year`. */
  readonly why: string;
}

/** The text of one encoder and how it came about. */
export interface Caption {
  readonly text: string;
  /** The text column or template it was taken from. */
  readonly construction: string;
  /** Changes since then, by rising place, not overlapping. */
  readonly marks: readonly CaptionMark[];
  /** Dropped for classifier-free guidance: the encoder is given nothing. */
  readonly isDropped: boolean;
}

/** One change to a caption: `to` takes the place of `text.slice(start, end)`, which is not empty. */
export interface CaptionEdit {
  readonly start: number;
  readonly end: number;
  readonly to: string;
  readonly why: string;
}

/** A caption as it was taken from a construction. */
export function plainCaption(text: string, construction: string): Caption {
  return { text, construction, marks: [], isDropped: false };
}

/** What the encoder is given: the text, or nothing when it was dropped. */
export function givenText({ text, isDropped }: Caption): string {
  return isDropped ? "" : text;
}

/** The text before every change that is marked. */
export function originalText({ text, marks }: Pick<Caption, "text" | "marks">): string {
  return originalOf({ text, marks }, 0, text.length);
}

/** The caption with changes made and marked. @param edits by rising place, not overlapping */
export function editCaption(caption: Caption, edits: readonly CaptionEdit[]): Caption {
  // From the last to the first, so that places of those still to do stay true.
  return [...edits].reverse().reduce(applyEdit, caption);
}

function applyEdit(caption: Caption, { start, end, to, why }: CaptionEdit): Caption {
  const { text, marks } = caption;
  const touched = marks.filter(({ at, length }) => at < end && at + length > start);
  const from = Math.min(start, ...touched.map(({ at }) => at));
  const until = Math.max(end, ...touched.map(({ at, length }) => at + length));
  const swallowed = marks.filter(
    ({ at, length }) => at >= from && at + length <= until && isInside(at, length),
  );
  function isInside(at: number, length: number): boolean {
    return length > 0 || (at > from && at < until);
  }
  const now = text.slice(from, start) + to + text.slice(end, until);
  const shift = to.length - (end - start);
  const mark: CaptionMark = {
    at: from,
    length: now.length,
    was: originalOf({ text, marks: swallowed }, from, until),
    why: [...new Set([...swallowed.map((one) => one.why), why])].join("; "),
  };
  const rest = marks.filter((one) => !swallowed.includes(one));
  return {
    ...caption,
    text: text.slice(0, start) + to + text.slice(end),
    marks: [
      ...rest.filter(({ at }) => at <= from),
      mark,
      ...rest.filter(({ at }) => at > from).map((one) => ({ ...one, at: one.at + shift })),
    ],
  };
}

function originalOf({ text, marks }: Pick<Caption, "text" | "marks">, from: number, until: number): string {
  let original = "";
  let done = from;
  for (const { at, length, was } of marks) {
    original += text.slice(done, at) + was;
    done = at + length;
  }
  return original + text.slice(done, until);
}
