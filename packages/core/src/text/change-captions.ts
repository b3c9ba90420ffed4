import type { Sample } from "../hooks/augmenter.js";
import type { Caption } from "./caption.js";

/** Whether a draw counts for the whole sample, or each text encoder has its own. */
export type DrawPer = "sample" | "encoder";

/** What is put behind a purpose for the second text encoder when each encoder draws for itself. */
const OWN_DRAW = "-t5";

/** The purposes behind one name: one for the sample, or one for each encoder. */
export function purposesFor(purpose: string, draw: DrawPer): readonly string[] {
  return draw === "sample" ? [purpose] : [purpose, `${purpose}${OWN_DRAW}`];
}

/**
 * The sample with both captions changed. With `sample` both see the same draws, so equal captions stay equal; with
 * `encoder` the second draws for purposes of its own.
 * @param change gives the changed caption, or the same one; `own` goes behind every purpose that it draws for
 */
export function changeCaptions(
  sample: Sample,
  draw: DrawPer,
  change: (caption: Caption, own: string) => Caption,
): Sample {
  const caption = change(sample.caption, "");
  const isShared = draw === "sample" && sample.captionT5 === sample.caption;
  const captionT5 = isShared ? caption : change(sample.captionT5, draw === "encoder" ? OWN_DRAW : "");
  if (caption === sample.caption && captionT5 === sample.captionT5) return sample;
  return { ...sample, caption, captionT5 };
}
