import {
  type DeviceName,
  type Flops,
  flops,
  live,
  memoryStats,
  opCalls,
  resetMemoryPeak,
} from "@hyfw/native";
import type { CommandIo } from "../cli/command.js";
import type { Broadcast } from "./events.js";
import { LossGroups } from "./loss-groups.js";
import { cutMetrics, MetricsFile, type MetricsLine } from "./metrics.js";
import { Progress } from "./progress.js";
import type { StepReport } from "./step.js";
import type { ValidationResult } from "./validation.js";

/** One step on its way into the record. */
export interface JournalStep {
  readonly step: number;
  readonly lr: number;
  /** Samples since the run began. */
  readonly samples: number;
  readonly report: StepReport;
  /** The validation loss after the step, where it was measured. */
  readonly validation?: ValidationResult | undefined;
}

/** What a journal needs to know of its run. */
export interface JournalFacts {
  /** Absent where another process writes the metrics. */
  readonly runDir: string | undefined;
  readonly lastStep: number;
  /** Steps between lines. */
  readonly every: number;
  readonly broadcast: Broadcast;
  readonly worldSize: number;
  readonly device: DeviceName;
  /** Bytes that stay on the device. */
  readonly held: Omit<MetricsLine["memory"], "peak">;
  /** Of the model, for losses by band. */
  readonly timestepCount: number | undefined;
  readonly peakTflops: number | undefined;
}

/** What is added up between two lines of the metrics. */
interface Window {
  steps: number;
  /** Steps that changed no weight, since something was not finite; their losses do not count. */
  skipped: number;
  samples: number;
  wallMs: number;
  loss: number;
  readonly parts: Record<string, number>;
  readonly ms: { data: number; forward: number; backward: number; update: number };
  opCalls: number;
  betweenStepsMs: number;
  readonly flops: { all: number; own: number };
}

/** Writes down a run as it goes: the progress line, `metrics.jsonl`, and the step event. */
export class Journal {
  readonly progress: Progress;
  private metrics: MetricsFile | undefined;
  private window = emptyWindow();
  private since = performance.now();
  private callsSince = opCalls();
  private flopsSince = flops();
  private readonly groups: LossGroups;
  /** Wall time of a step, smoothed. */
  private pace: number | undefined;

  constructor(
    private readonly facts: JournalFacts,
    io: Pick<CommandIo, "stdout" | "isTerminal">,
  ) {
    this.progress = new Progress(io);
    this.metrics = facts.runDir === undefined ? undefined : new MetricsFile(facts.runDir);
    this.groups = new LossGroups(facts.timestepCount);
    resetMemoryPeak(facts.device);
  }

  /** Starts the clock of the next step anew, after something that is no part of it. */
  restartClock(): void {
    const now = performance.now();
    this.window.betweenStepsMs += now - this.since;
    this.since = now;
    this.callsSince = opCalls();
    this.flopsSince = flops();
  }

  /** Does something that is no part of any step, and keeps it out of their times and counts. */
  async aside<Result>(work: () => Promise<Result>): Promise<Result> {
    const [now, calls, done] = [performance.now(), opCalls(), flops()];
    try {
      return await work();
    } finally {
      const ms = performance.now() - now;
      const after = flops();
      this.since += ms;
      this.window.betweenStepsMs += ms;
      this.callsSince += opCalls() - calls;
      this.flopsSince = {
        ...this.flopsSince,
        all: this.flopsSince.all + after.all - done.all,
        own: this.flopsSince.own + after.own - done.own,
      };
    }
  }

  async step({ step, lr, samples, report, validation }: JournalStep): Promise<void> {
    const { lastStep, every, broadcast, worldSize } = this.facts;
    const now = performance.now();
    const wallMs = now - this.since;
    this.since = now;
    const stepSamples = report.batches.reduce((sum, batch) => sum + batch.samples.length, 0) * worldSize;
    this.add(report, wallMs, stepSamples);
    this.pace = this.pace === undefined ? wallMs : 0.95 * this.pace + 0.05 * wallMs;
    const { epoch = 0, phase } = report.batches.at(-1)?.unit ?? {};
    const { loss } = report;
    // JSON has no word for numbers that are not finite.
    const gradNorm = report.skipped === undefined ? report.gradNorm : 0;
    const isLogged = step % every === 0 || step === lastStep || validation !== undefined;
    const rssBytes = process.memoryUsage.rss();
    const place = { step, epoch, phase: phase?.name ?? "" };
    const pace = (this.window.samples / this.window.wallMs) * 1000;
    const shown = { lr, gradNorm, rssBytes, samplesPerSecond: pace, ...this.speed() };
    const secondsLeft = ((lastStep - step) * this.pace) / 1000;
    const validationLoss = validation?.loss;
    this.progress.step({ ...place, ...shown, loss, validationLoss, lastStep, secondsLeft }, isLogged);
    if (isLogged)
      await broadcast(
        "onLog",
        this.write({ ...place, ...shown, samples, ...(validation !== undefined && { validation }) }),
      );
    await broadcast("onStep", { ...place, loss, lr, gradNorm, samples: stepSamples, wallMs });
  }

  /** Takes back what was written of later steps, when the run goes back to one. */
  cutBack(step: number): void {
    const { runDir } = this.facts;
    if (runDir === undefined) return;
    this.metrics?.close();
    cutMetrics(runDir, step);
    this.metrics = new MetricsFile(runDir);
    this.window = emptyWindow();
    this.restartClock();
  }

  close(): void {
    this.progress.end();
    this.metrics?.close();
  }

  /** Operations per second of the window, and the share of the device's peak that the model's own reach. */
  private speed(): Pick<MetricsLine, "flopsPerSecond" | "mfu"> {
    const { wallMs, flops: done } = this.window;
    const { peakTflops } = this.facts;
    const seconds = wallMs / 1000;
    return {
      flopsPerSecond: done.all / seconds,
      ...(peakTflops !== undefined && { mfu: done.own / seconds / (peakTflops * 1e12) }),
    };
  }

  private add(
    { loss, parts, ms, skipped, samples: losses }: StepReport,
    wallMs: number,
    samples: number,
  ): void {
    const { window } = this;
    if (skipped === undefined) this.groups.add(losses);
    const counted = flops();
    addFlops(window.flops, counted, this.flopsSince);
    this.flopsSince = counted;
    window.steps += 1;
    window.samples += samples;
    window.wallMs += wallMs;
    if (skipped === undefined) {
      window.loss += loss;
      for (const [name, part] of Object.entries(parts)) window.parts[name] = (window.parts[name] ?? 0) + part;
    } else window.skipped += 1;
    window.ms.data += ms.data;
    window.ms.forward += ms.forward;
    window.ms.backward += ms.backward;
    window.ms.update += ms.update;
    const calls = opCalls();
    window.opCalls += calls - this.callsSince;
    this.callsSince = calls;
  }

  private write(
    facts: Pick<
      Parameters<MetricsFile["append"]>[0],
      | "step"
      | "epoch"
      | "phase"
      | "lr"
      | "gradNorm"
      | "rssBytes"
      | "samplesPerSecond"
      | "samples"
      | "validation"
      | "flopsPerSecond"
      | "mfu"
    >,
  ): MetricsLine {
    const { steps, skipped, wallMs, loss, parts, ms, opCalls: calls, betweenStepsMs } = this.window;
    const { device, held } = this.facts;
    const per = (sum: number): number => sum / steps;
    const perTrained = (sum: number): number => sum / Math.max(1, steps - skipped);
    const { step, epoch, phase, ...rest } = facts;
    const other = wallMs - ms.data - ms.forward - ms.backward - ms.update;
    const line: MetricsLine = {
      step,
      epoch,
      phase,
      loss: perTrained(loss),
      parts: Object.fromEntries(Object.entries(parts).map(([name, sum]) => [name, perTrained(sum)])),
      ...this.groups.take(),
      ...rest,
      wallMs: per(wallMs),
      ms: {
        data: per(ms.data),
        forward: per(ms.forward),
        backward: per(ms.backward),
        update: per(ms.update),
        other: per(other),
      },
      ...(skipped > 0 && { skipped }),
      betweenStepsMs,
      memory: { ...held, peak: memoryStats(device)?.peak ?? 0 },
      liveTensors: live(),
      opCalls: Math.round(per(calls)),
    };
    this.metrics?.append(line);
    this.window = emptyWindow();
    resetMemoryPeak(device);
    return line;
  }
}

function addFlops(sum: { all: number; own: number }, now: Flops, before: Flops): void {
  sum.all += now.all - before.all;
  sum.own += now.own - before.own;
}

function emptyWindow(): Window {
  const ms = { data: 0, forward: 0, backward: 0, update: 0 };
  const flopsDone = { all: 0, own: 0 };
  const sums = { steps: 0, skipped: 0, samples: 0, wallMs: 0, loss: 0, opCalls: 0, betweenStepsMs: 0 };
  return { ...sums, parts: {}, ms, flops: flopsDone };
}
