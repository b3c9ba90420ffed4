import type { PackProgress } from "./pack.js";

/** Seconds between two lines where nothing can be drawn over. */
const LINE_SECONDS = 30;

/** Shows how a pack goes by: one line drawn over on a terminal, a plain line every so often elsewhere. */
export class PackProgressLine {
  #start = performance.now();
  #last: number;
  #isDrawn = false;

  constructor(
    readonly stream: NodeJS.WritableStream,
    readonly isTerminal: boolean,
    readonly now: () => number = () => performance.now(),
  ) {
    this.#start = now();
    this.#last = now();
  }

  show(progress: PackProgress): void {
    const time = this.now();
    const wait = this.isTerminal ? 100 : LINE_SECONDS * 1000;
    if (time - this.#last < wait) return;
    this.#last = time;
    const text = progressText(progress, (time - this.#start) / 1000, this.isTerminal);
    this.stream.write(this.isTerminal ? `\r\u001b[2K${text.slice(0, this.#width() - 1)}` : `${text}\n`);
    this.#isDrawn = this.isTerminal;
  }

  /** Takes the drawn line away. */
  end(): void {
    if (this.#isDrawn) this.stream.write("\r\u001b[2K");
    this.#isDrawn = false;
  }

  #width(): number {
    return "columns" in this.stream && typeof this.stream.columns === "number" ? this.stream.columns : 100;
  }
}

/** Share done, rate and time left; the rate is of this run, without what an earlier one had done. */
export function progressText(
  { rows, of, before, bytes }: PackProgress,
  seconds: number,
  hasBar: boolean,
): string {
  const rate = seconds > 0 ? (rows - before) / seconds : 0;
  const left = rate > 0 ? duration((of - rows) / rate) : "?";
  const share = of === 0 ? 1 : rows / of;
  const filled = Math.floor(20 * share);
  const bar = hasBar ? `[${"#".repeat(filled)}${"-".repeat(20 - filled)}] ` : "";
  return `${bar}${rows}/${of} rows (${(100 * share).toFixed(1)} %)  ${rate.toFixed(0)} rows/s  ${(bytes / 1e6 / Math.max(seconds, 1e-9)).toFixed(0)} MB/s  left ${left}`;
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}
