import { lookedAt } from "../run/plan-augmenters.js";
import type { CountedChance, RowSurvey } from "../run/survey-rows.js";
import { type CaptionRun, captionRuns } from "./caption-runs.js";
import type { SeenBatch, SeenCaption, SeenSample } from "./look.js";
import { SEE_STYLE } from "./see-style.js";

/** What the page shows. */
export interface SeePageFacts {
  readonly title: string;
  /** Label and value: settings hash, seed, data. */
  readonly facts: readonly (readonly [string, string])[];
  readonly batches: readonly SeenBatch[];
  readonly survey: RowSurvey;
  /** Who draws for which purposes. */
  readonly purposes: readonly (readonly [owner: string, purposes: readonly string[]])[];
}

/** Items of a list that are shown before it is cut and counted. */
const MOST_ITEMS = 500;

/** A page that needs nothing beside itself. */
export function seePage({ title, facts, batches, survey, purposes }: SeePageFacts): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${SEE_STYLE}</style>
<h1>${escapeHtml(title)}</h1>
<dl class="facts">${facts.map(([label, value]) => `<dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd>`).join("")}</dl>
<p class="legend">In captions: <del>taken out or replaced</del> <ins>put in its place</ins>
<s>cut off, not read by the encoder</s>. Point at a change to see who made it.</p>
${batches.map(batchSection).join("\n")}
<h2>Chances</h2>
<p>Rows that each can touch, in any caption that a row may be given: ${escapeHtml(lookedAt(survey))}.</p>
${chanceTable(survey.chances, survey.looked)}
${survey.facts.map(surveyFact).join("\n")}
<h2>Purposes of the draws</h2>
<p>Every draw belongs to one seed, epoch, sample and purpose.</p>
<table><tr><th>who</th><th>draws for</th></tr>${purposes
    .map(
      ([owner, list]) =>
        `<tr><td>${escapeHtml(owner)}</td><td>${list.map((one) => `<code>${escapeHtml(one)}</code>`).join(" ")}</td></tr>`,
    )
    .join("")}</table>
</html>
`;
}

function batchSection({ phase, epoch, resolution, samples }: SeenBatch, index: number): string {
  const { height, width } = resolution;
  return `<section><h2>Batch ${index + 1}: ${height} × ${width}</h2>
<p>${samples.length} sample(s), height × width in pixels, phase ${escapeHtml(phase)}, epoch ${epoch}</p>
<div class="samples">${samples.map(sampleCard).join("\n")}</div></section>`;
}

function sampleCard({ sample, picture, captions, facts }: SeenSample): string {
  const { row, geometry, sourceSize, notes } = sample;
  const { resized, crop, resolution, flip } = geometry;
  const size = ({ height, width }: { height: number; width: number }): string => `${height} × ${width}`;
  const told = sourceSize === row.size ? "" : `, told as ${size(sourceSize)}`;
  const lines = [
    ["position", String(row.position)],
    ["row", `${row.rowInFile} of ${row.arrowFile.split(/[\\/]/).at(-1)}`],
    ["picture", `${size(row.size)}${told}, resized to ${size(resized)}`],
    ["window", `${size(resolution)} from top ${crop.top}, left ${crop.left}${flip ? ", mirrored" : ""}`],
    ...facts,
    ...notes.map((note) => ["note", note] as const),
  ];
  const src = `data:image/png;base64,${picture.toString("base64")}`;
  return `<article><img alt="position ${row.position}" src="${src}">
<div>${captions.map(captionBlock).join("")}
<dl>${lines.map(([label = "", value = ""]) => `<dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd>`).join("")}</dl></div></article>`;
}

function captionBlock({ encoder, caption, reach }: SeenCaption): string {
  const tokens =
    reach === undefined
      ? "tokens not told by the text encoder"
      : `${Math.min(reach.tokens, reach.limit)} of ${reach.limit} tokens${reach.tokens > reach.limit ? `, ${reach.tokens - reach.limit} cut off` : ""}`;
  const dropped = caption.isDropped ? ' <b class="dropped">dropped: the encoder is given nothing</b>' : "";
  const end = caption.isDropped ? caption.text.length : reach?.end;
  const text = captionRuns(caption, end).map(runHtml).join("");
  return `<h3>${escapeHtml(encoder)} <small>${escapeHtml(caption.construction)}, ${tokens}</small>${dropped}</h3>
<p dir="auto" class="caption${caption.isDropped ? " gone" : ""}">${text}</p>`;
}

function runHtml({ text, was, why = "", isCut }: CaptionRun): string {
  const title = ` title="${escapeHtml(why)}"`;
  const before = was === undefined || was === "" ? "" : `<del${title}>${escapeHtml(was)}</del>`;
  const now = was === undefined || text === "" ? escapeHtml(text) : `<ins${title}>${escapeHtml(text)}</ins>`;
  return isCut ? `<s>${before}${now}</s>` : `${before}${now}`;
}

function chanceTable(chances: readonly CountedChance[], looked: number): string {
  const rows = chances.map(({ augmenter, chance, rows: count }) => {
    const share = looked === 0 ? "" : ` (${Number(((100 * count) / looked).toFixed(1))} %)`;
    return `<tr><td>${escapeHtml(augmenter)}</td><td><code>${escapeHtml(chance.setting)}</code></td><td class="n">${chance.probability}</td><td>${escapeHtml(chance.what)}</td><td class="n">${count.toLocaleString("en")}${share}</td></tr>`;
  });
  return `<table><tr><th>who</th><th>setting</th><th>chance</th><th>what happens</th><th>rows</th></tr>${rows.join("")}</table>`;
}

function surveyFact({ augmenter, label, fact, items = [] }: RowSurvey["facts"][number]): string {
  const head = `${escapeHtml(augmenter)}: ${escapeHtml(label)}: ${escapeHtml(fact)}`;
  if (items.length === 0) return `<p>${head}</p>`;
  const shown = items.slice(0, MOST_ITEMS).map((item) => `<li>${escapeHtml(item)}</li>`);
  if (items.length > MOST_ITEMS)
    shown.push(`<li>and ${(items.length - MOST_ITEMS).toLocaleString("en")} more</li>`);
  return `<details><summary>${head}</summary><ul>${shown.join("")}</ul></details>`;
}

function escapeHtml(text: string): string {
  const signs: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (sign) => signs[sign] ?? sign);
}
