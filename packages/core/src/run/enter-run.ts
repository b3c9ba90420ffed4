import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { compareWithRecord } from "../checkpoint/compare.js";
import { type FoundCheckpoint, findCheckpoint } from "../checkpoint/find.js";
import { listCheckpoints } from "../checkpoint/list.js";
import { restoreCheckpoint } from "../checkpoint/load.js";
import { type RunState, readState } from "../checkpoint/state.js";
import { MODEL } from "../hooks/model.js";
import { loadModel, loadStart } from "../weights/load-start.js";
import type { Engine } from "./build-engine.js";
import type { LoadedRun } from "./container.js";
import { cutMetrics } from "./metrics.js";
import type { OpenData } from "./open-data.js";
import type { PlanSection } from "./plan.js";
import { createRunFolder, RUN_FILES } from "./run-folder.js";
import { type RunRecord, readRecord, recordSettings, writeRecord, writeSettings } from "./run-record.js";
import { FIRST_PLACE, type OpenPhase } from "./unit-places.js";
import type { World } from "./world.js";

/** A run that may begin to train. */
export interface EnteredRun {
  readonly runDir: string;
  readonly record: RunRecord;
  readonly state: RunState;
  /** What a person should know before the first step. */
  readonly notes: readonly string[];
}

/** What a run is entered with. */
export interface EntryFacts {
  readonly engine: Engine;
  readonly data: OpenData;
  readonly plan: readonly PlanSection[];
  readonly world: World;
  /** Where it goes on; absent for a new run. */
  readonly start: StartPoint | undefined;
}

/** The checkpoint that a run goes on from. */
export interface StartPoint extends FoundCheckpoint {
  readonly state: RunState;
}

/** The checkpoint that `run.resume` means, the same for all processes; `undefined` for a new run. */
export function findStart({ settings, resolved }: LoadedRun, world: World): Promise<StartPoint | undefined> {
  const { resume, resultsDir } = settings.run;
  if (resume === undefined) return Promise.resolve(undefined);
  return world.share(async () => {
    const found = await findCheckpoint(resume, { resultsDir, cwd: resolved.cwd });
    return { ...found, state: await readState(found.path) };
  });
}

/** Makes a run folder, or goes back into the one that the run goes on in and restores its checkpoint. */
export function enterRun(run: LoadedRun, facts: EntryFacts): Promise<EnteredRun> {
  return facts.start === undefined ? beginRun(run, facts) : resumeRun(run, facts, facts.start);
}

async function beginRun(run: LoadedRun, { engine, data, plan, world }: EntryFacts): Promise<EnteredRun> {
  const { settings, resolved } = run;
  const notes = loadStart(engine, settings.weights);
  const state: RunState = {
    step: 0,
    samples: 0,
    place: FIRST_PLACE,
    seed: settings.run.seed,
    unitSize: data.order.unitSize,
    optimizerCounters: {},
    settingsHash: resolved.hash,
  };
  const entered = await world.share(async () => {
    const runDir = await createRunFolder(settings.run.resultsDir, settings.run.name ?? run.get(MODEL).name);
    const record: RunRecord = {
      format: "hyfw-run-1",
      name: basename(runDir),
      created: new Date().toISOString(),
      status: "running",
      step: 0,
      lastStep: data.lastStep,
      ...recordSettings(resolved),
      data: describeData(data),
      model: { ...engine.model.fileFacts() },
      unitSize: data.order.unitSize,
      plan: rowsOf(plan),
      resumed: [],
    };
    writeRecord(runDir, record);
    writeSettings(runDir, resolved);
    return { runDir, record };
  });
  return { ...entered, state, notes };
}

async function resumeRun(
  run: LoadedRun,
  { engine, data, plan, world }: EntryFacts,
  { runDir, path, step, state, notes: passedOver }: StartPoint,
): Promise<EnteredRun> {
  const { resolved } = run;
  const changed = await world.share(() => {
    const record = readRecord(runDir);
    const facts = { record, resolved, data: describeData(data), model: engine.model.fileFacts(), runDir };
    return { record, changes: compareWithRecord(facts) };
  });
  // An adapter's checkpoint holds the adapter alone.
  const base = engine.model.adapter === undefined ? [] : loadModel(engine.model, run.settings.weights);
  const restored = [...base, ...restoreCheckpoint(path, state, engine)];
  const entered = await world.share(async () => {
    cutMetrics(runDir, step);
    const aside = await setAsideLater(runDir, step);
    const notes = [...passedOver, ...changed.changes, ...restored, ...aside];
    const record: RunRecord = {
      ...changed.record,
      ...recordSettings(resolved),
      status: "running",
      step,
      lastStep: data.lastStep,
      data: describeData(data),
      plan: rowsOf(plan),
      resumed: [...changed.record.resumed, { time: new Date().toISOString(), step, notes }],
    };
    writeRecord(runDir, record);
    return { record, notes: [`going on from step ${step} of ${record.name}`, ...notes] };
  });
  return { runDir, ...entered, state: { ...state, settingsHash: resolved.hash } };
}

function rowsOf(plan: readonly PlanSection[]): RunRecord["plan"] {
  return plan.map(({ title, rows }) => ({ title, rows: rows.map(([label, value]) => [label, value]) }));
}

function describeData({ phases }: OpenData): RunRecord["data"] {
  return phases.map((phase) => ({
    phase: phase.name,
    fingerprint: fingerprintOf(phase),
    length: phase.sources.reduce((sum, { dataset }) => sum + dataset.length, 0),
    unitSize: phase.unitSize,
  }));
}

/** The rows of a phase; of a mixed one also in which proportions. */
function fingerprintOf({ isMixed, sources }: OpenPhase): string {
  if (!isMixed) return sources[0]?.dataset.fingerprint ?? "";
  const hash = createHash("sha256");
  for (const { dataset, share } of sources) hash.update(JSON.stringify([dataset.fingerprint, share]));
  return hash.digest("hex");
}

/** Checkpoints of later steps belong to a course that the run now leaves; they stay, but out of the way. */
async function setAsideLater(runDir: string, step: number): Promise<string[]> {
  const folder = join(runDir, RUN_FILES.checkpoints);
  const { complete } = await listCheckpoints(folder);
  const later = complete.filter(({ manifest }) => manifest.step > step);
  if (later.length === 0) return [];
  let number = 1;
  while (existsSync(join(folder, `aside-${number}`))) number += 1;
  const aside = join(folder, `aside-${number}`);
  await mkdir(aside);
  for (const { path } of later) await rename(path, join(aside, basename(path)));
  return [`${later.length} checkpoint(s) of later steps moved to ${aside}`];
}
