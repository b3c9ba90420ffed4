import type { Resolution } from "../hooks/dataset.js";
import { html, type Markup, trusted } from "../report/markup.js";
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
  /** What was found in the rows of each data set. */
  readonly surveys: readonly { readonly name: string; readonly survey: RowSurvey }[];
  /** Who draws for which purposes. */
  readonly purposes: readonly (readonly [owner: string, purposes: readonly string[]])[];
}

/** Items of a list that are shown before it is cut and counted. */
const MOST_ITEMS = 500;

/** A page that needs nothing beside itself. */
export function seePage({ title, facts, batches, surveys, purposes }: SeePageFacts): string {
  const rows = purposes.map(
    ([owner, list]) =>
      html`<tr><td>${owner}</td><td>${list.map((one) => html`<code>${one}</code> `)}</td></tr>`,
  );
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${trusted(SEE_STYLE)}</style>
<h1>${title}</h1>
${factList(facts)}
<p class="legend">In captions: <del>taken out or replaced</del> <ins>put in its place</ins>
<s>cut off, not read by the encoder</s>. Point at a change to see who made it.</p>
${batches.map(batchSection)}
${surveys.map(
  ({ name, survey }) => html`<h2>Chances${surveys.length === 1 ? "" : `, ${name}`}</h2>
<p>Rows that each can touch, in any caption that a row may be given: ${lookedAt(survey)}.</p>
${chanceTable(survey.chances, survey.looked)}
${survey.facts.map(surveyFact)}
`,
)}<h2>Purposes of the draws</h2>
<p>Every draw belongs to one seed, epoch, sample and purpose.</p>
<table><tr><th>who</th><th>draws for</th></tr>${rows}</table>
</html>
`.html;
}

function factList(facts: readonly (readonly [string, string])[]): Markup {
  return html`<dl>${facts.map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>`;
}

function batchSection({ phase, epoch, pass, resolution, samples }: SeenBatch, index: number): Markup {
  return html`<section><h2>Batch ${index + 1}: ${shown(resolution)}</h2>
<p>${samples.length} sample(s), height × width in pixels, phase ${phase}, epoch ${epoch}${pass === epoch ? "" : `, pass ${pass} over its rows`}</p>
${samples.map(sampleCard)}</section>
`;
}

function sampleCard({ sample, picture, captions, facts }: SeenSample): Markup {
  const { row, geometry, sourceSize, notes } = sample;
  const { resized, crop, resolution, flip } = geometry;
  const told = sourceSize === row.size ? "" : `, told as ${shown(sourceSize)}`;
  const lines: (readonly [string, string])[] = [
    ["position", String(row.position)],
    ["row", `${row.rowInFile} of ${row.arrowFile.split(/[\\/]/).at(-1)}`],
    ["picture", `${shown(row.size)}${told}, resized to ${shown(resized)}`],
    ["window", `${shown(resolution)} from top ${crop.top}, left ${crop.left}${flip ? ", mirrored" : ""}`],
    ...facts,
    ...notes.map((note) => ["note", note] as const),
  ];
  const source = `data:image/png;base64,${picture.toString("base64")}`;
  return html`<article><img alt="position ${row.position}" src="${source}">
<div>${captions.map(captionBlock)}
${factList(lines)}</div></article>
`;
}

function captionBlock({ encoder, caption, reach }: SeenCaption): Markup {
  const { isDropped, construction, text } = caption;
  const over = reach === undefined ? 0 : Math.max(0, reach.tokens - reach.limit);
  const tokens =
    reach === undefined
      ? "tokens not told by the text encoder"
      : `${reach.tokens - over} of ${reach.limit} tokens${over > 0 ? `, ${over} cut off` : ""}`;
  const dropped = isDropped ? html` <b class="dropped">dropped: the encoder is given nothing</b>` : "";
  const runs = captionRuns(caption, isDropped ? text.length : reach?.end);
  return html`<h3>${encoder} <small>${construction}, ${tokens}</small>${dropped}</h3>
<p dir="auto" class="caption${isDropped ? " gone" : ""}">${runs.map(runMarkup)}</p>
`;
}

function runMarkup({ text, was, why = "", isCut }: CaptionRun): Markup {
  const before = was === undefined || was === "" ? "" : html`<del title="${why}">${was}</del>`;
  const now = was === undefined || text === "" ? text : html`<ins title="${why}">${text}</ins>`;
  return isCut ? html`<s>${before}${now}</s>` : html`${before}${now}`;
}

function chanceTable(chances: readonly CountedChance[], looked: number): Markup {
  const share = (rows: number): string =>
    looked === 0 ? "" : ` (${Number(((100 * rows) / looked).toFixed(1))} %)`;
  const rows = chances.map(
    ({ augmenter, chance, rows: count }) =>
      html`<tr><td>${augmenter}</td><td><code>${chance.setting}</code></td><td class="n">${chance.probability}</td><td>${chance.what}</td><td class="n">${count.toLocaleString("en")}${share(count)}</td></tr>`,
  );
  return html`<table><tr><th>who</th><th>setting</th><th>chance</th><th>what happens</th><th>rows</th></tr>${rows}</table>`;
}

function surveyFact({ augmenter, label, fact, items = [] }: RowSurvey["facts"][number]): Markup {
  const head = `${augmenter}: ${label}: ${fact}`;
  if (items.length === 0) return html`<p>${head}</p>`;
  const listed = items.slice(0, MOST_ITEMS).map((item) => html`<li>${item}</li>`);
  const more = items.length - listed.length;
  const rest = more > 0 ? html`<li>and ${more.toLocaleString("en")} more</li>` : "";
  return html`<details><summary>${head}</summary><ul>${listed}${rest}</ul></details>`;
}

function shown({ height, width }: Resolution): string {
  return `${height} × ${width}`;
}
