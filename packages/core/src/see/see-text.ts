import { basename } from "node:path";
import { type CaptionRun, captionRuns } from "./caption-runs.js";
import type { SeenBatch, SeenCaption, SeenSample } from "./look.js";

/** A batch as lines for a terminal, no line wider than `width` columns. */
export function batchLines(
  { phase, epoch, pass, resolution, samples }: SeenBatch,
  number: number,
  width: number,
): string[] {
  const { height, width: across } = resolution;
  return [
    `batch ${number}: ${samples.length} sample(s) of ${height}x${across} (height x width), phase ${phase}, epoch ${epoch}${pass === epoch ? "" : `, pass ${pass} over its rows`}`,
    ...samples.flatMap((one) => sampleLines(one).map((line) => fit(line, width))),
  ];
}

function sampleLines({ sample, captions, facts }: SeenSample): string[] {
  const { row, geometry, sourceSize, notes } = sample;
  const { resized, crop, flip } = geometry;
  const told = sourceSize === row.size ? "" : `, told as ${sourceSize.height}x${sourceSize.width}`;
  const [first, second] = captions;
  const isSame = first && second && sameText(first, second);
  return [
    `  position ${row.position}  ${basename(row.arrowFile)} row ${row.rowInFile}  ${row.size.height}x${row.size.width}${told} to ${resized.height}x${resized.width}, crop from top ${crop.top} left ${crop.left}${flip ? ", mirrored" : ""}`,
    ...(isSame
      ? [captionLine({ ...first, encoder: "both" }, second)]
      : captions.map((one) => captionLine(one))),
    ...facts.map(([label, fact]) => `    ${label}: ${fact}`),
    ...notes.map((note) => `    ${note}`),
  ];
}

function sameText(first: SeenCaption, second: SeenCaption): boolean {
  const { caption: a } = first;
  const { caption: b } = second;
  const isEqual = a.text === b.text && a.construction === b.construction && a.isDropped === b.isDropped;
  // With different lengths each encoder may cut at another place.
  return isEqual && !isCut(first) && !isCut(second);
}

function isCut({ caption, reach }: SeenCaption): boolean {
  return reach !== undefined && reach.end < caption.text.length && !caption.isDropped;
}

function captionLine({ encoder, caption, reach }: SeenCaption, other?: SeenCaption): string {
  const told = [reach, other?.reach].flatMap((one) =>
    one === undefined ? [] : [`${one.tokens}/${one.limit}`],
  );
  const counts = [...new Set(told)];
  const tokens = counts.length === 0 ? "" : `  ${counts.join(" ")} tokens`;
  const head = `    ${encoder.padEnd(4)}  ${caption.construction}${tokens}`;
  if (caption.isDropped) return `${head}  dropped; it would be: ${visible(caption.text)}`;
  return `${head}  ${captionRuns(caption, reach?.end).map(runText).join("")}`;
}

/** `[-was-]{+now+}` for what was changed, `⟦cut⟧` for what the encoder does not read. */
function runText({ text, was, isCut }: CaptionRun): string {
  const shown = visible(text);
  const changed =
    was === undefined
      ? shown
      : `${was === "" ? "" : `[-${visible(was)}-]`}${shown === "" ? "" : `{+${shown}+}`}`;
  return isCut ? `⟦${changed}⟧` : changed;
}

/** Control characters made visible, so that a caption cannot steer the terminal. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (sign) => {
    const code = sign.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\u2421";
  });
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

/** A line cut to a width in columns, Chinese signs counting two; the cut is shown by an ellipsis. */
export function fit(line: string, width: number): string {
  let used = 0;
  let shown = "";
  for (const sign of line) {
    const columns = /\p{M}/u.test(sign) ? 0 : WIDE.test(sign) ? 2 : 1;
    if (used + columns > width - 1) {
      const rest = line.slice(shown.length);
      return [...rest].length === 1 && used + columns <= width ? line : `${shown}…`;
    }
    used += columns;
    shown += sign;
  }
  return line;
}
