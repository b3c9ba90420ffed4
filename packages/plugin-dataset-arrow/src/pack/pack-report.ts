import { type PackFigures, REPORT_BUCKETS, type ShownRow } from "./pack-figures.js";
import type { PackDone } from "./pack-folder.js";

/** Tags listed per category. */
const TAGS_SHOWN = 30;

/** One bar of a chart. */
interface Bar {
  readonly label: string;
  readonly count: number;
}

/** The report of a pack as one page that needs nothing from outside: counts, refused pictures, sizes, captions, tags. */
export function packReport(done: PackDone, figures: PackFigures): string {
  const { rows, kept, repaired, refused } = done;
  const packed = kept + repaired;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Packed: ${html(done.source)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${html(done.source)}</h1>
<p class="sum"><b>${number(rows)}</b> rows = <b>${number(kept)}</b> kept + <b>${number(repaired)}</b> kept after repair + <b>${number(refused)}</b> refused</p>
<p class="note">${number(packed)} pictures in ${number(done.shards.length)} shard(s), ${gigabytes(done.shards.reduce((sum, { bytes }) => sum + bytes, 0))}. Every row is listed in ledger.jsonl.</p>
${reasons("Refused", done.refusedByReason, rows)}
${reasons("Repaired", done.repairedByReason, rows)}
${[...figures.shown].map(([reason, shown]) => gallery(reason, shown, done.refusedByReason[reason] ?? 0)).join("\n")}
<h2>Sizes of packed pictures</h2>
<div class="charts">
${chart("Shorter side, pixels", sideBars(figures.sides))}
${chart("Width : height", aspectBars(figures.aspects))}
</div>
<h2>Buckets at ${REPORT_BUCKETS.baseSize}, step ${REPORT_BUCKETS.resoStep}</h2>
<p class="note">Height x width. ${number(figures.enlarged)} of ${number(packed)} pictures are smaller than their bucket and would be enlarged.</p>
<div class="charts wide">${chart("Rows per bucket", bucketBars(figures))}</div>
<h2>Captions of packed rows</h2>
<div class="charts">
${[...figures.rows.captions].map(([column, lengths]) => chart(`${column}, characters`, lengthBars(lengths))).join("\n")}
</div>
${tagSection(figures)}
</main>
</body>
</html>
`;
}

function reasons(title: string, counts: Readonly<Record<string, number>>, rows: number): string {
  const entries = Object.entries(counts);
  if (entries.length === 0) return "";
  const most = Math.max(...entries.map(([, count]) => count));
  const lines = entries.map(
    ([reason, count]) =>
      `<tr><td>${html(reason)}</td><td class="n">${number(count)}</td><td class="n">${((100 * count) / rows).toFixed(2)} %</td><td class="bar"><i style="width:${((100 * count) / most).toFixed(1)}%"></i></td></tr>`,
  );
  return `<h2>${title}</h2>\n<table>${lines.join("")}</table>`;
}

function gallery(reason: string, shown: readonly ShownRow[], count: number): string {
  const cards = shown.map(({ line, jpeg }) => {
    const place = line.line === undefined ? `row ${line.row}` : `row ${line.row}, line ${line.line}`;
    const picture =
      jpeg === undefined
        ? '<div class="none">no picture</div>'
        : `<img alt="" src="data:image/jpeg;base64,${jpeg}">`;
    return `<figure><div class="frame">${picture}</div><figcaption><b>${place}</b><br><span title="${html(line.image ?? "")}">${html(tailOf(line.image ?? "(no path)", 26))}</span><br><em title="${html(line.detail ?? "")}">${html(headOf(line.detail ?? "", 80))}</em></figcaption></figure>`;
  });
  const more = count > shown.length ? ` <small>the first ${shown.length} of ${number(count)}</small>` : "";
  return `<h3>${html(reason)}${more}</h3>\n<div class="gallery">${cards.join("")}</div>`;
}

/** A chart of horizontal bars. */
function chart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const lines = bars.map(
    ({ label, count }) =>
      `<div class="row"><span class="label">${html(label)}</span><span class="track"><i style="width:${((100 * count) / most).toFixed(1)}%"></i></span><span class="n">${number(count)}</span></div>`,
  );
  return `<section><h4>${html(title)}</h4>${lines.length > 0 ? lines.join("") : '<p class="note">none</p>'}</section>`;
}

function sideBars(sides: ReadonlyMap<number, number>): Bar[] {
  const starts = [...sides.keys()].sort((a, b) => a - b);
  return starts.map((start) => ({ label: `${start} to ${start + 127}`, count: sides.get(start) ?? 0 }));
}

function aspectBars(aspects: ReadonlyMap<number, number>): Bar[] {
  const keys = [...aspects.keys()].sort((a, b) => a - b);
  const shown = (log: number): string =>
    log < 0 ? `1 : ${(2 ** -log).toFixed(2)}` : `${(2 ** log).toFixed(2)} : 1`;
  return keys.map((key) => ({ label: key === 0 ? "1 : 1" : shown(key), count: aspects.get(key) ?? 0 }));
}

function bucketBars({ buckets, bucketRows }: PackFigures): Bar[] {
  return buckets.map(({ height, width }, i) => ({
    label: `${height} x ${width}`,
    count: bucketRows[i] ?? 0,
  }));
}

/** Lengths in about a dozen steps of a round size, empty captions apart. */
function lengthBars(lengths: ReadonlyMap<number, number>): Bar[] {
  const most = Math.max(0, ...lengths.keys());
  const step =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((size) => most / size <= 16) ?? Math.ceil(most / 16);
  const counts = new Map<number, number>();
  for (const [length, count] of lengths) {
    const start = length === 0 ? -1 : Math.floor((length - 1) / step) * step;
    counts.set(start, (counts.get(start) ?? 0) + count);
  }
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([start, count]) => ({
      label: start < 0 ? "empty" : step === 1 ? `${start + 1}` : `${start + 1} to ${start + step}`,
      count,
    }));
}

function tagSection({ rows: { tags } }: PackFigures): string {
  if (tags.size === 0) return "";
  const charts = [...tags].map(([category, words]) => {
    const sorted = [...words].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    const title = category === "character" ? "character (names)" : category;
    return chart(
      `${title}: ${number(words.size)} different`,
      sorted.slice(0, TAGS_SHOWN).map(([label, count]) => ({ label, count })),
    );
  });
  return `<h2>Tags and names of packed rows</h2>\n<p class="note">The ${TAGS_SHOWN} most frequent of each category.</p>\n<div class="charts">${charts.join("\n")}</div>`;
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function number(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function gigabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function tailOf(text: string, most: number): string {
  const signs = [...text];
  return signs.length <= most ? text : `…${signs.slice(-most).join("")}`;
}

function headOf(text: string, most: number): string {
  const signs = [...text];
  return signs.length <= most ? text : `${signs.slice(0, most).join("")}…`;
}

const STYLE = `
:root { color-scheme: light dark; --fg: #1c1e21; --bg: #fff; --dim: #667; --line: #e3e6ea; --bar: #4a7fc1; --frame: #f2f4f6; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6e8ea; --bg: #17191c; --dim: #9aa3ad; --line: #2d3136; --bar: #5f97dd; --frame: #22262b; } }
body { margin: 0; background: var(--bg); color: var(--fg); font: 14px/1.45 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 22px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 36px 0 8px; padding-bottom: 4px; border-bottom: 1px solid var(--line); }
h3 { font-size: 15px; margin: 22px 0 8px; }
h4 { font-size: 13px; margin: 0 0 6px; }
small, .note { color: var(--dim); font-weight: normal; }
.sum { font-size: 17px; margin: 10px 0 2px; }
.note { margin: 2px 0 10px; }
table { border-collapse: collapse; width: 100%; }
td { padding: 3px 12px 3px 0; vertical-align: middle; }
td.n, span.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.bar { width: 50%; padding-right: 0; }
i { display: block; height: 11px; min-width: 1px; background: var(--bar); border-radius: 2px; }
i[style="width:0.0%"] { min-width: 0; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 14px 12px; }
figure { margin: 0; min-width: 0; }
.frame { height: 104px; display: flex; align-items: center; justify-content: center; background: var(--frame); border-radius: 4px; }
.frame img { max-width: 96px; max-height: 96px; }
.none { color: var(--dim); font-size: 12px; }
figcaption { font-size: 11.5px; line-height: 1.35; margin-top: 4px; overflow-wrap: anywhere; }
figcaption em { color: var(--dim); font-style: normal; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 22px 36px; }
.charts.wide section { columns: 2; column-gap: 36px; }
.charts.wide h4 { column-span: all; }
.row { display: grid; grid-template-columns: minmax(90px, 34%) 1fr 64px; gap: 10px; align-items: center; font-size: 12.5px; break-inside: avoid; }
.label { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
`;
