import type { Caption } from "../text/caption.js";

/** A stretch of a caption as it is shown. */
export interface CaptionRun {
  /** What stands there now; "" where something was taken out. */
  readonly text: string;
  /** What stood there before, and who changed it; undefined where nothing was changed. */
  readonly was?: string;
  readonly why?: string;
  /** Behind what the encoder reads. */
  readonly isCut: boolean;
}

/**
 * A caption in stretches: untouched, changed, and cut off.
 * @param end place where what the encoder does not read begins
 */
export function captionRuns(
  { text, marks }: Pick<Caption, "text" | "marks">,
  end: number = text.length,
): CaptionRun[] {
  const runs: CaptionRun[] = [];
  const add = (from: number, until: number, change: { was?: string; why?: string } = {}): void => {
    const parts: [number, number, boolean][] = [
      [from, Math.min(until, end), false],
      [Math.max(from, end), until, true],
    ];
    const shown = parts.filter(([start, stop]) => stop > start);
    if (shown.length === 0 && change.was !== undefined)
      shown.push([from, until, from >= end && end < text.length]);
    // What was there before is told once, where the change begins.
    for (const [n, [start, stop, isCut]] of shown.entries())
      runs.push({
        text: text.slice(start, stop),
        ...(n === 0 || change.was === undefined ? change : { ...change, was: "" }),
        isCut,
      });
  };
  let done = 0;
  for (const { at, length, was, why } of marks) {
    add(done, at);
    add(at, at + length, { was, why });
    done = at + length;
  }
  add(done, text.length);
  return runs;
}
