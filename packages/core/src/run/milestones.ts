import { join } from "node:path";
import type { Manifest } from "../checkpoint/manifest.js";
import { saveCheckpoint } from "../checkpoint/save.js";
import type { RunState } from "../checkpoint/state.js";
import { displayPath } from "../preset/origin.js";
import { writeReport } from "../report/write-report.js";
import type { Settings } from "../settings/schema.js";
import type { Engine } from "./build-engine.js";
import { drawPictures } from "./draw-pictures.js";
import type { Broadcast, EndEvent } from "./events.js";
import type { Journal } from "./journal.js";
import type { OpenData } from "./open-data.js";
import { RUN_FILES } from "./run-folder.js";
import { type RunRecord, writeRecord } from "./run-record.js";

/** What pictures, checkpoints and the report of a run are made from. */
export interface MilestoneFacts {
  readonly settings: Settings;
  readonly engine: Engine;
  readonly data: OpenData;
  readonly runDir: string;
  readonly record: RunRecord;
  readonly journal: Journal;
  readonly broadcast: Broadcast;
  readonly cwd: string;
}

/** What happens between steps: sample pictures, checkpoints, the report. */
export class Milestones {
  private drawnAt = -1;
  private savedAt = -1;

  constructor(private readonly facts: MilestoneFacts) {}

  /** Does what the settings ask for after a step. @param endedEpoch the number of epochs done, when one just ended */
  async afterStep(state: RunState, endedEpoch: number | undefined): Promise<void> {
    const { samples, checkpoint } = this.facts.settings;
    const { step } = state;
    if (isDue(step, samples.every)) await this.draw(state);
    if (isDue(step, checkpoint.every) || isDue(endedEpoch ?? 0, checkpoint.everyEpochs))
      await this.save(state, "kept");
    else if (isDue(step, checkpoint.latestEvery)) await this.save(state, "latest");
    this.facts.journal.restartClock();
  }

  /** Saves what would be lost, writes the report, and tells listeners. @returns lines for a person */
  async end(state: RunState, reason: EndEvent["reason"]): Promise<string[]> {
    const { settings, runDir, broadcast, cwd } = this.facts;
    if (reason === "done" && settings.samples.every > 0 && this.drawnAt !== state.step)
      await this.draw(state);
    if (reason !== "failed" && state.step > 0 && this.savedAt !== state.step)
      await this.save(state, reason === "done" ? "kept" : "latest");
    const report = this.report(state, reason);
    await broadcast("onEnd", { reason, step: state.step });
    const shown = displayPath(runDir, cwd);
    const stopped =
      reason === "interrupted" ? [`stopped at step ${state.step}; go on with: hyfw --resume ${shown}`] : [];
    return [...stopped, `run     ${shown}`, `report  ${displayPath(report, cwd)}`];
  }

  private async draw(state: RunState): Promise<void> {
    const { settings, engine, data, runDir, journal, broadcast } = this.facts;
    const { every: _every, resolution, prompts, batchSize, ...request } = settings.samples;
    if (prompts.length === 0) return;
    const first = data.phases[0]?.dataset.buckets[0]?.resolution;
    const size = resolution ?? first;
    if (size === undefined) return;
    const { step } = state;
    const onStep = (done: number, of: number): void =>
      journal.progress.activity(`step ${step}: drawing ${prompts.length} picture(s), ${done}/${of}`);
    const folder = join(runDir, RUN_FILES.samples, stepName(step));
    const facts = { run: this.facts.record.name, step: String(step) };
    const files = await drawPictures(
      engine,
      { ...request, prompts, resolution: size, onStep },
      { folder, facts, batchSize },
    );
    this.drawnAt = step;
    this.report(state, undefined);
    await broadcast("onSample", { step, files });
  }

  private async save(state: RunState, kind: Manifest["kind"]): Promise<void> {
    const { settings, engine, runDir, journal, broadcast } = this.facts;
    const { saveOptimizerState, keep } = settings.checkpoint;
    journal.progress.activity(`step ${state.step}: saving a checkpoint`);
    const { model, ema, optimizer } = engine;
    const content = {
      model,
      ema,
      optimizer: saveOptimizerState ? optimizer : undefined,
      state: {
        ...state,
        optimizerCounters: { ...optimizer.state().counters },
        ...(ema !== undefined && { emaCount: ema.count }),
      },
    };
    const folder = join(runDir, RUN_FILES.checkpoints);
    const path = await saveCheckpoint(content, { folder, kind, keep });
    this.savedAt = state.step;
    this.record(state, "running");
    await broadcast("onCheckpoint", { step: state.step, path });
  }

  private report(state: RunState, reason: EndEvent["reason"] | undefined): string {
    const record = this.record(state, reason ?? "running");
    return writeReport(this.facts.runDir, record);
  }

  private record({ step }: RunState, status: RunRecord["status"]): RunRecord {
    const record: RunRecord = { ...this.facts.record, status, step };
    writeRecord(this.facts.runDir, record);
    return record;
  }
}

/** Folder name of a step: `step-000500`. */
export function stepName(step: number): string {
  return `step-${String(step).padStart(6, "0")}`;
}

function isDue(count: number, every: number): boolean {
  return every > 0 && count > 0 && count % every === 0;
}
