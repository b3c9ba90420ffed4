import { dirname, join } from "node:path";
import { findCheckpoint } from "../checkpoint/find.js";
import { restoreCheckpoint } from "../checkpoint/load.js";
import { type CheckpointPlace, saveCheckpoint } from "../checkpoint/save.js";
import { type RunState, readState } from "../checkpoint/state.js";
import { CheckpointWriter } from "../checkpoint/writer.js";
import { displayPath } from "../preset/origin.js";
import { writeModelCard } from "../report/model-card.js";
import { writeReport } from "../report/write-report.js";
import type { Settings } from "../settings/schema.js";
import type { Engine } from "./build-engine.js";
import { drawPictures } from "./draw-pictures.js";
import type { Broadcast, CheckpointEvent, EndEvent } from "./events.js";
import type { Journal } from "./journal.js";
import type { OpenData } from "./open-data.js";
import { RUN_FILES } from "./run-folder.js";
import { type RunRecord, writeRecord } from "./run-record.js";
import { within } from "./within.js";
import type { World } from "./world.js";

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
  readonly world: World;
}

/** How long a checkpoint under way may still take when the run has failed; another process may be gone. */
const LAST_WRITE_MS = 4000;

/** What happens between steps: sample pictures, checkpoints, the report. */
export class Milestones {
  private drawnAt = -1;
  private savedAt = -1;
  private readonly writer = new CheckpointWriter();
  /** The checkpoint that is being written. */
  private underway: CheckpointEvent | undefined;

  constructor(private readonly facts: MilestoneFacts) {}

  /** Ends what is still being written, as when the run has failed. */
  close(): Promise<void> {
    return this.writer.close();
  }

  /** Does what the settings ask for after a step. @param endedEpoch the number of epochs done, when one just ended */
  async afterStep(state: RunState, endedEpoch: number | undefined): Promise<void> {
    const { samples, checkpoint } = this.facts.settings;
    const { step } = state;
    if (!this.writer.busy) await this.finishSave();
    if (isDue(step, samples.every)) await this.draw(state);
    if (isDue(step, checkpoint.every) || isDue(endedEpoch ?? 0, checkpoint.everyEpochs))
      await this.save(state, "kept");
    else if (isDue(step, checkpoint.latestEvery)) await this.save(state, "latest");
    this.facts.journal.restartClock();
  }

  /**
   * Puts the last good checkpoint of the run back into the engine.
   * @returns the state that it was saved in
   * @throws HYFW_CHECKPOINT_NONE when there is none yet
   */
  async goBack(): Promise<RunState> {
    const { engine, runDir, world, cwd } = this.facts;
    await this.finishSave();
    const { path, state } = await world.share(async () => {
      const found = await findCheckpoint(runDir, { resultsDir: dirname(runDir), cwd });
      return { path: found.path, state: await readState(found.path) };
    });
    restoreCheckpoint(path, state, engine);
    this.savedAt = state.step;
    return state;
  }

  /** Saves what would be lost, writes the report, and tells listeners. @returns lines for a person */
  async end(state: RunState, reason: EndEvent["reason"]): Promise<string[]> {
    const { settings, runDir, broadcast, cwd, world } = this.facts;
    if (reason === "done" && settings.samples.every > 0 && this.drawnAt !== state.step)
      await this.draw(state);
    if (reason !== "failed" && state.step > 0 && this.savedAt !== state.step)
      await this.save(state, reason === "done" ? "kept" : "latest");
    if (reason === "failed")
      await within(world.worldSize === 1 ? undefined : LAST_WRITE_MS, this.finishSave());
    else {
      await this.finishSave();
      await world.meet();
    }
    if (!world.isFirst) return [];
    const report = this.report(state, reason);
    if (reason === "done") writeModelCard(runDir, this.record(state, reason));
    await broadcast("onEnd", { reason, step: state.step });
    const shown = displayPath(runDir, cwd);
    const stopped =
      reason === "interrupted" ? [`stopped at step ${state.step}; go on with: hyfw --resume ${shown}`] : [];
    return [...stopped, `run     ${shown}`, `report  ${displayPath(report, cwd)}`];
  }

  private async draw(state: RunState): Promise<void> {
    const { settings, engine, data, runDir, journal, broadcast, world } = this.facts;
    const { every: _every, resolution, prompts, batchSize, ...request } = settings.samples;
    if (prompts.length === 0) return;
    const first = data.phases[0]?.dataset.buckets[0]?.resolution;
    const size = resolution ?? first;
    if (size === undefined) return;
    const { step } = state;
    const onStep = (done: number, of: number): void =>
      journal.progress.activity(`step ${step}: drawing ${prompts.length} picture(s), ${done}/${of}`);
    this.drawnAt = step;
    // Where parameters are spread, all have to take part; otherwise one is enough.
    const isShared = engine.sharding !== undefined;
    if (!world.isFirst && !isShared) return;
    const facts = { run: this.facts.record.name, step: String(step) };
    const folder = world.isFirst ? join(runDir, RUN_FILES.samples, stepName(step)) : undefined;
    const files = await drawPictures(
      engine,
      { ...request, prompts, resolution: size, onStep },
      { folder, facts, batchSize },
    );
    if (!world.isFirst) return;
    this.report(state, undefined);
    await broadcast("onSample", { step, files });
  }

  private async save(state: RunState, kind: CheckpointPlace["kind"]): Promise<void> {
    const { settings, engine, runDir, journal, world } = this.facts;
    const { saveOptimizerState, keep, keepEvery } = settings.checkpoint;
    journal.progress.activity(`step ${state.step}: saving a checkpoint`);
    await this.finishSave();
    const { model, sharding, ema, optimizer, accelerators } = engine;
    const content = {
      model,
      sharding,
      ema,
      optimizer: saveOptimizerState ? optimizer : undefined,
      state: {
        ...state,
        optimizerCounters: { ...optimizer.state().counters },
        accelerators: Object.fromEntries(
          accelerators.flatMap((one) => (one.state === undefined ? [] : [[one.name, { ...one.state() }]])),
        ),
        ...(ema !== undefined && { emaCount: ema.count }),
      },
    };
    const folder = join(runDir, RUN_FILES.checkpoints);
    const path = await saveCheckpoint(
      content,
      { folder, kind, keep, keepEvery },
      { writer: this.writer, world },
    );
    this.savedAt = state.step;
    this.underway = { step: state.step, path };
  }

  /** Waits for the checkpoint that is being written, if one is, and tells of it. @throws HYFW_CHECKPOINT_WRITE */
  private async finishSave(): Promise<void> {
    await this.writer.idle();
    const { underway } = this;
    this.underway = undefined;
    if (underway === undefined || !this.facts.world.isFirst) return;
    this.record(underway, "running");
    await this.facts.broadcast("onCheckpoint", underway);
  }

  private report(state: RunState, reason: EndEvent["reason"] | undefined): string {
    const record = this.record(state, reason ?? "running");
    return writeReport(this.facts.runDir, record);
  }

  private record({ step }: Pick<RunState, "step">, status: RunRecord["status"]): RunRecord {
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
