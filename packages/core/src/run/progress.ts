import type { CommandIo } from "../cli/command.js";
import type { MetricsLine } from "./metrics.js";

/** What the progress line shows of a step. */
export interface ProgressFacts
  extends Pick<
    MetricsLine,
    "step" | "epoch" | "loss" | "lr" | "samplesPerSecond" | "rssBytes" | "gradNorm" | "flopsPerSecond" | "mfu"
  > {
  /** The last one that was measured stays on the line. */
  readonly validationLoss?: number | undefined;
  readonly lastStep: number;
  readonly secondsLeft: number;
}

/** The line under which a run goes by: drawn over on a terminal, plain lines every so often elsewhere. */
export class Progress {
  private smoothed: number | undefined;
  private validationLoss: number | undefined;
  private isDrawn = false;

  constructor(private readonly io: Pick<CommandIo, "stdout" | "isTerminal">) {}

  /** Shows a step; off a terminal only when it is a logged one. */
  step(facts: ProgressFacts, isLogged: boolean): void {
    if (Number.isFinite(facts.loss))
      this.smoothed = this.smoothed === undefined ? facts.loss : 0.9 * this.smoothed + 0.1 * facts.loss;
    this.validationLoss = facts.validationLoss ?? this.validationLoss;
    const { smoothed = facts.loss, validationLoss } = this;
    const text = formatStep({ ...facts, loss: smoothed, validationLoss });
    if (!this.io.isTerminal) {
      if (isLogged) this.io.stdout.write(`${text}\n`);
      return;
    }
    this.io.stdout.write(`\r\u001b[2K${text.slice(0, this.width() - 1)}`);
    this.isDrawn = true;
  }

  /** What is being done beside steps, until the next step is shown. */
  activity(text: string): void {
    if (!this.io.isTerminal) return;
    this.io.stdout.write(`\r\u001b[2K${text.slice(0, this.width() - 1)}`);
    this.isDrawn = true;
  }

  /** A line that stays. */
  note(text: string): void {
    this.io.stdout.write(`${this.isDrawn ? "\r\u001b[2K" : ""}${text}\n`);
    this.isDrawn = false;
  }

  /** Leaves the line as it is and starts a new one. */
  end(): void {
    if (this.isDrawn) this.io.stdout.write("\n");
    this.isDrawn = false;
  }

  private width(): number {
    const { stdout } = this.io;
    return "columns" in stdout && typeof stdout.columns === "number" ? stdout.columns : 120;
  }
}

function formatStep(facts: ProgressFacts): string {
  const { step, lastStep, loss, lr, samplesPerSecond, secondsLeft, rssBytes } = facts;
  return [
    `step ${String(step).padStart(String(lastStep).length)}/${lastStep}`,
    `loss ${loss.toFixed(4)}`,
    ...(facts.validationLoss === undefined ? [] : [`validation ${facts.validationLoss.toFixed(4)}`]),
    `lr ${lr.toExponential(2)}`,
    `grad ${facts.gradNorm.toFixed(2)}`,
    `${samplesPerSecond.toFixed(samplesPerSecond < 10 ? 2 : 1)} samples/s`,
    facts.mfu === undefined ? formatFlops(facts.flopsPerSecond) : `MFU ${(100 * facts.mfu).toFixed(1)} %`,
    `left ${formatDuration(secondsLeft)}`,
    `mem ${formatBytes(rssBytes)}`,
  ].join("  ");
}

/** Operations per second: `312 GFLOP/s`. */
export function formatFlops(perSecond: number): string {
  const units = ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"];
  const power = perSecond < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(perSecond) / 3));
  const value = perSecond / 1000 ** power;
  return `${value.toFixed(value >= 100 ? 0 : 1)} ${units[power]}`;
}

/** A time span as a person says it: `42 s`, `4 min 05 s`, `3 h 12 min`, `6 d 04 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.max(0, Math.round(seconds));
  const two = (number: number): string => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86_400)} d ${two(Math.floor((whole % 86_400) / 3600))} h`;
}

/** An amount of memory in binary units: `812 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`;
}
