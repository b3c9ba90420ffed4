import { join } from "node:path";
import { writeDurably } from "../checkpoint/durable-file.js";
import { describeValue } from "../errors/words.js";
import { type MetricsLine, readMetrics } from "../run/metrics.js";
import { formatDuration } from "../run/progress.js";
import { RUN_FILES } from "../run/run-folder.js";
import type { RunRecord } from "../run/run-record.js";
import { parsePath, valueAt } from "../settings/path.js";
import { lineChart, smooth } from "./line-chart.js";
import { html, type Markup } from "./markup.js";
import { sampleGrid } from "./sample-grid.js";
import { STYLE } from "./style.js";

/** Writes `report.html` of a run from what its folder holds; it opens without a network. @returns the file's path */
export function writeReport(runDir: string, record: RunRecord): string {
  const path = join(runDir, RUN_FILES.report);
  writeDurably(path, formatReport(runDir, record));
  return path;
}

function formatReport(runDir: string, record: RunRecord): string {
  const metrics = readMetrics(runDir);
  const samples = sampleGrid(runDir);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${record.name}: hyfw</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${record.name} <span class="status">${record.status}</span></h1>
<p class="lead">${lead(record, metrics)}</p>
<h2>Loss</h2>
<div class="charts">${lossCharts(metrics)}</div>
${samples && html`<h2>Pictures drawn while training</h2>${samples}`}
<h2>Time and memory</h2>
<div class="charts">${costCharts(metrics)}</div>
${(record.use ?? []).length > 0 ? html`<h2>Data that was used</h2>${factTable(record.use ?? [])}` : ""}
${record.resumed.length > 0 ? html`<h2>Continued</h2>${resumed(record)}` : ""}
<h2>Plan</h2>
${record.plan.map(({ title, rows }) => html`<h3>${title}</h3>${factTable(rows)}`)}
<h2>Settings and who set them</h2>
<details><summary>${Object.keys(record.origins).length} settings</summary>${settingsTable(record)}</details>
<h2>Versions and machine</h2>
${factTable([...Object.entries(record.versions), ...Object.entries(record.machine).map(([name, fact]) => [name, String(fact)] as const)])}
</body>
</html>
`;
  return page.html;
}

function lead(record: RunRecord, metrics: readonly MetricsLine[]): string {
  const { step, lastStep, created } = record;
  const last = metrics.at(-1);
  const facts = [`step ${step} of ${lastStep}`, `begun ${created}`];
  if (last !== undefined)
    facts.push(
      `${last.samples} samples`,
      `${formatDuration(trainingSeconds(metrics))} of training`,
      `loss ${meanLoss(metrics)}`,
    );
  return facts.join(", ");
}

/** The mean over the last tenth of the lines: one step says more of its rows than of the model. */
function meanLoss(metrics: readonly MetricsLine[]): string {
  const tail = metrics.slice(-Math.max(1, Math.floor(metrics.length / 10)));
  return (tail.reduce((sum, { loss }) => sum + loss, 0) / tail.length).toFixed(4);
}

/** Wall time of the logged steps; a line is a mean over the steps since the line before. */
function trainingSeconds(metrics: readonly MetricsLine[]): number {
  const milliseconds = metrics.reduce(
    (sum, { step, wallMs }, index) => sum + wallMs * (step - (metrics[index - 1]?.step ?? 0)),
    0,
  );
  return milliseconds / 1000;
}

const pointsOf = (
  metrics: readonly MetricsLine[],
  pick: (line: MetricsLine) => number,
): (readonly [number, number])[] => metrics.map((line) => [line.step, pick(line)] as const);

function lossCharts(metrics: readonly MetricsLine[]): Markup[] {
  const losses = pointsOf(metrics, ({ loss }) => loss);
  const measured = metrics.flatMap(({ step, validation }): [number, number][] =>
    validation === undefined ? [] : [[step, validation.loss]],
  );
  return [
    lineChart({
      title: "Loss",
      xLabel: "step",
      series: [
        { label: "each step", kind: "faint", points: losses },
        { label: "smoothed", kind: "main", points: smooth(losses) },
      ],
    }),
    ...(measured.length === 0
      ? []
      : [
          lineChart({
            title: "Validation loss",
            xLabel: "step",
            series: [{ label: "rows that are never trained on", kind: "main", points: measured }],
          }),
        ]),
    lineChart({
      title: "Gradient norm before clipping",
      xLabel: "step",
      fromZero: true,
      series: [{ label: "norm", kind: "main", points: pointsOf(metrics, ({ gradNorm }) => gradNorm) }],
    }),
    lineChart({
      title: "Learning rate",
      xLabel: "step",
      fromZero: true,
      series: [{ label: "lr", kind: "main", points: pointsOf(metrics, ({ lr }) => lr) }],
    }),
  ];
}

function costCharts(metrics: readonly MetricsLine[]): Markup[] {
  const mebibytes = ({ rssBytes }: MetricsLine): number => rssBytes / 1024 ** 2;
  return [
    lineChart({
      title: "Samples per second",
      xLabel: "step",
      fromZero: true,
      series: [
        { label: "samples/s", kind: "main", points: pointsOf(metrics, (line) => line.samplesPerSecond) },
      ],
    }),
    lineChart({
      title: "Milliseconds per step",
      xLabel: "step",
      fromZero: true,
      series: [
        { label: "all", kind: "main", points: pointsOf(metrics, ({ wallMs }) => wallMs) },
        { label: "waiting for data", kind: "second", points: pointsOf(metrics, ({ ms }) => ms.data) },
      ],
    }),
    lineChart({
      title: "Resident memory in MiB",
      xLabel: "step",
      fromZero: true,
      series: [{ label: "MiB", kind: "main", points: pointsOf(metrics, mebibytes) }],
    }),
  ];
}

function resumed({ resumed: times }: RunRecord): Markup {
  return html`<ul>${times.map(
    ({ time, step, notes }) =>
      html`<li>${time} from step ${step}${notes.map((note) => html`<br>${note}`)}</li>`,
  )}</ul>`;
}

function settingsTable({ settings, origins }: RunRecord): Markup {
  const rows = Object.entries(origins).map(([path, origin]) => {
    const value = valueAt(settings, parsePath(path) ?? []);
    return html`<tr><th>${path}</th><td>${describeValue(value)}</td><td>${origin}</td></tr>
`;
  });
  return html`<div class="wide"><table class="settings">${rows}</table></div>`;
}

function factTable(rows: readonly (readonly [label: string, fact: string])[]): Markup {
  return html`<table>${rows.map(
    ([label, fact]) => html`<tr><th>${label}</th><td>${fact}</td></tr>
`,
  )}</table>`;
}
