import { html, type Markup } from "./markup.js";

/** One line of a chart: points of rising x. */
export interface Series {
  readonly label: string;
  /** CSS class that gives the line its colour. */
  readonly kind: "main" | "faint" | "second";
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What a chart shows. */
export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  /** Whether the vertical axis begins at 0 even where no point is near it. */
  readonly fromZero?: boolean;
}

const WIDTH = 640;
const HEIGHT = 240;
const EDGE = { left: 58, right: 12, top: 12, bottom: 34 };
/** More points than pixels cost bytes and show nothing. */
const MOST_POINTS = 600;

/** A line chart as SVG, without scripts. Points that are not finite are left out. */
export function lineChart({ title, xLabel, series, fromZero = false }: Chart): Markup {
  const shown = series.map((one) => ({
    ...one,
    points: thin(one.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))),
  }));
  const points = shown.flatMap((one) => one.points);
  if (points.length === 0) return html`<p class="none">${title}: nothing to show yet</p>`;
  const xs = rangeOf(points.map(([x]) => x));
  const ys = rangeOf([...points.map(([, y]) => y), ...(fromZero ? [0] : [])]);
  const yTicks = ticks(ys);
  const xTicks = ticks(xs);
  const place = (x: number, y: number): readonly [number, number] => [
    EDGE.left + ((x - xs.low) / (xs.high - xs.low)) * (WIDTH - EDGE.left - EDGE.right),
    HEIGHT - EDGE.bottom - ((y - ys.low) / (ys.high - ys.low)) * (HEIGHT - EDGE.top - EDGE.bottom),
  ];
  return html`<figure><figcaption>${title} ${shown.length > 1 ? shown.map(({ label, kind }) => html`<span class="key ${kind}">${label}</span>`) : ""}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
${yTicks.map((tick) => {
  const [, y] = place(xs.low, tick);
  return html`<line class="grid" x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${round(y)}" y2="${round(y)}"/><text class="y" x="${EDGE.left - 6}" y="${round(y + 4)}">${formatTick(tick)}</text>`;
})}
${xTicks.map((tick) => {
  const [x] = place(tick, ys.low);
  return html`<text class="x" x="${round(x)}" y="${HEIGHT - EDGE.bottom + 16}">${formatTick(tick)}</text>`;
})}
<text class="x name" x="${(WIDTH + EDGE.left) / 2}" y="${HEIGHT - 3}">${xLabel}</text>
${shown.map(({ kind, points: line }) => {
  const text = line.map(([x, y]) => place(x, y).map(round).join(",")).join(" ");
  return html`<polyline class="${kind}" points="${text}"/>`;
})}
</svg></figure>`;
}

/** Every n-th point, and the last one. */
function thin<Point>(points: readonly Point[]): readonly Point[] {
  const every = Math.ceil(points.length / MOST_POINTS);
  return points.filter((_point, index) => index % every === 0 || index === points.length - 1);
}

interface Range {
  readonly low: number;
  readonly high: number;
}

/** Smallest and largest; a little wider where they are one. */
function rangeOf(values: readonly number[]): Range {
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (high > low) return { low, high };
  const margin = Math.abs(low) / 10 || 1;
  return { low: low - margin, high: high + margin };
}

/** About five round numbers inside a range. */
function ticks({ low, high }: Range): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_unused, index) => (first + index) * step);
}

function formatTick(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(4)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A moving average over about so many of all points, so that a short run's curve lags no more than a long one's. */
const WINDOW_SHARE = 1 / 25;

/** Points smoothed by a moving average that forgets by the same share per point, started at the first. */
export function smooth(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const keep = 1 - 1 / Math.max(1, points.length * WINDOW_SHARE);
  let average: number | undefined;
  return points.map(([x, y]) => {
    average = average === undefined ? y : keep * average + (1 - keep) * y;
    return [x, average] as const;
  });
}
