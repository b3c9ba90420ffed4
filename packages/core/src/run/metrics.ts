import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { writeDurably } from "../checkpoint/durable-file.js";
import { RUN_FILES } from "./run-folder.js";
import type { ValidationResult } from "./validation.js";

/** One line of `metrics.jsonl`: a logged step. Losses and times are means over the steps since the line before. */
export interface MetricsLine {
  readonly step: number;
  /** Over all phases, from 0. */
  readonly epoch: number;
  readonly phase: string;
  readonly loss: number;
  /** Parts of the loss by name, for example `mse` and `vb`. */
  readonly parts: Readonly<Record<string, number>>;
  /** Mean loss of this process's samples by band of timesteps, as `250-499`, and by bucket, as `768x1024`. */
  readonly lossByTimestep: Readonly<Record<string, number>>;
  readonly lossByBucket: Readonly<Record<string, number>>;
  /** By the text column or template of the first encoder's caption; "dropped" for those given none. */
  readonly lossByCaption: Readonly<Record<string, number>>;
  /** Of the weights after this step; where it was measured. */
  readonly validation?: ValidationResult;
  readonly lr: number;
  /** Before clipping; 0 of a step that was skipped. */
  readonly gradNorm: number;
  /** Samples trained since the run began, over all ranks. */
  readonly samples: number;
  readonly samplesPerSecond: number;
  /** Wall time per step, and where it went. */
  readonly wallMs: number;
  readonly ms: Readonly<Record<"data" | "forward" | "backward" | "update" | "other", number>>;
  /** Steps of these that changed no weight, since a gradient was not finite; their losses are not in the mean. */
  readonly skipped?: number;
  /** Wall time of checkpoints and pictures since the line before, in no step's time. */
  readonly betweenStepsMs: number;
  /** Operations of linear layers and attention per second of wall time, those that are computed again included. */
  readonly flopsPerSecond: number;
  /** Share of `log.peakTflops` that the model's own operations reach, without those computed again; when it is set. */
  readonly mfu?: number;
  /** Bytes of tensors on the run's device: what stays, and the most at any moment since the line before. */
  readonly memory: Readonly<Record<"weights" | "states" | "average" | "peak", number>>;
  /** Tensors that the addon holds between steps. */
  readonly liveTensors: number;
  readonly rssBytes: number;
  /** Calls of tensor operations per step. */
  readonly opCalls: number;
}

/** Appends lines to the metrics of a run. */
export class MetricsFile {
  private readonly file: number;

  constructor(runDir: string) {
    this.file = openSync(join(runDir, RUN_FILES.metrics), "a");
  }

  append(line: MetricsLine): void {
    writeSync(this.file, `${JSON.stringify(line, shorten)}\n`);
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Every line of a run's metrics; a last line that was cut off is left out. */
export function readMetrics(runDir: string): MetricsLine[] {
  const path = join(runDir, RUN_FILES.metrics);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  // Without its newline the last line may be half of one.
  lines.pop();
  return lines.map((line): MetricsLine => JSON.parse(line));
}

/** Cuts the metrics back to a step, as when a run goes on from a checkpoint. */
export function cutMetrics(runDir: string, step: number): void {
  const kept = readMetrics(runDir).filter((line) => line.step <= step);
  const text = kept.map((line) => `${JSON.stringify(line)}\n`).join("");
  writeDurably(join(runDir, RUN_FILES.metrics), text);
}

/** Times need no more than microseconds; losses keep every digit, so that runs can be compared bit by bit. */
function shorten(key: string, value: unknown): unknown {
  if (!["ms", "wallMs", "samplesPerSecond", "betweenStepsMs", "flopsPerSecond"].includes(key)) return value;
  const round = (number: number): number => Math.round(number * 1000) / 1000;
  if (typeof value === "number") return round(value);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, number]) => [name, round(Number(number))]));
}
