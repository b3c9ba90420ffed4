import { availableParallelism } from "node:os";
import type { DeviceName } from "@hyfw/native";
import type { RunState } from "../checkpoint/state.js";
import type { CommandIo } from "../cli/command.js";
import { displayPath } from "../preset/origin.js";
import { buildEngine, type Engine, heldBytes } from "./build-engine.js";
import type { LoadedRun } from "./container.js";
import { openDevice } from "./device.js";
import { enterRun } from "./enter-run.js";
import { broadcastTo, type EndEvent, RUN_EVENTS } from "./events.js";
import { Journal } from "./journal.js";
import { Loader } from "./loader.js";
import { lrAt } from "./lr-schedule.js";
import { Milestones } from "./milestones.js";
import { openAccelerators } from "./open-accelerators.js";
import { openAugmenters } from "./open-augmenters.js";
import { type OpenData, openData } from "./open-data.js";
import { formatPlan, planSettings } from "./plan.js";
import { planAugmenters } from "./plan-augmenters.js";
import { planTraining } from "./plan-training.js";
import { type StepReport, trainStep } from "./step.js";

/** The processes that train together: one, until there is a launcher. */
const WORLD = { rank: 0, worldSize: 1 };

/** Batches that are read before they are needed. */
const READ_AHEAD = 3;

/**
 * Trains a loaded run: prints the plan first, and stops after it when `dryRun` is set. Ctrl-C lets the step end, saves
 * a checkpoint and returns.
 */
export async function runTraining(
  run: LoadedRun,
  io: CommandIo,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<void> {
  const { settings, resolved } = run;
  const device = openDevice(settings.run);
  const accelerators = openAccelerators(run);
  const data = await openData(run, WORLD.worldSize);
  const engine = await buildEngine(run, accelerators, { device: dryRun ? "meta" : device, ...WORLD });
  const plan = [
    ...planSettings(run),
    ...planTraining(run, { data, engine, device, ...WORLD }),
    ...(await planAugmenters(run, data)),
  ];
  io.stdout.write(`${formatPlan(plan, io.bold)}\n`);
  if (dryRun) return;

  const { runDir, record, state: start, notes } = await enterRun(run, { engine, data, plan });
  for (const note of notes) io.stdout.write(`${note}\n`);
  io.stdout.write(`run folder ${displayPath(runDir, resolved.cwd)}\n\n`);
  const broadcast = broadcastTo(run.providers(RUN_EVENTS));
  const { lastStep } = data;
  const { every, peakTflops } = settings.log;
  const { timestepCount } = engine.model;
  const journal = new Journal(
    {
      runDir,
      lastStep,
      every,
      peakTflops,
      broadcast,
      device,
      timestepCount,
      held: heldBytes(engine),
      ...WORLD,
    },
    io,
  );
  run.onClose("the journal", () => journal.close());
  const milestones = new Milestones({
    settings,
    engine,
    data,
    runDir,
    record,
    journal,
    broadcast,
    cwd: resolved.cwd,
  });
  await broadcast("onStart", { runDir, step: start.step, maxSteps: lastStep });

  let state = start;
  try {
    for await (const [reached, report] of steps(run, { engine, data, device, start, signal: io.signal })) {
      state = reached;
      const lr = lrAt(state.step, lastStep, settings.train);
      await journal.step({ step: state.step, lr, samples: state.samples, report });
      const ended = report.batches.findLast(({ unit }) => unit.endsEpoch)?.unit;
      if (ended !== undefined)
        await broadcast("onEpoch", { epoch: ended.epoch, phase: ended.phase.name, step: state.step });
      await milestones.afterStep(state, ended && ended.epoch + 1);
    }
    const reason: EndEvent["reason"] = io.signal.aborted ? "interrupted" : "done";
    const lines = await milestones.end(state, reason);
    journal.progress.end();
    io.stdout.write(`${lines.join("\n")}\n`);
  } catch (fault) {
    journal.progress.end();
    // The fault is the news; a report that cannot be written must not hide it.
    await milestones.end(state, "failed").catch((second: unknown) => io.stderr.write(`${String(second)}\n`));
    throw fault;
  }
}

interface StepsFacts {
  readonly engine: Engine;
  readonly data: OpenData;
  readonly device: DeviceName;
  readonly start: RunState;
  readonly signal: AbortSignal;
}

/** Optimizer steps one after the other, each with the state that the run then has. */
async function* steps(
  run: LoadedRun,
  { engine, data, device, start, signal }: StepsFacts,
): AsyncGenerator<readonly [RunState, StepReport]> {
  const { train } = run.settings;
  const loader = new Loader(
    {
      ...data.order,
      ...WORLD,
      phases: data.phases,
      augmenters: openAugmenters(run),
      inFlight: availableParallelism(),
      ahead: READ_AHEAD,
    },
    start.place,
  );
  run.onClose("the loader", () => loader.close());
  let state = start;
  while (state.step < train.maxSteps && !signal.aborted) {
    const step = state.step + 1;
    const lr = lrAt(step, data.lastStep, train);
    const order = { step, lr, gradAccuSteps: train.gradAccuSteps, maxGradNorm: train.maxGradNorm };
    const report = await trainStep({ ...engine, device }, order, () => loader.next());
    if (report === undefined) return;
    const samples = report.batches.reduce((sum, batch) => sum + batch.samples.length, 0) * WORLD.worldSize;
    const place = report.batches.at(-1)?.unit.after ?? state.place;
    state = { ...state, step, samples: state.samples + samples, place };
    yield [state, report];
  }
}
