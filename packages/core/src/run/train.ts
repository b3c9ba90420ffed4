import { availableParallelism } from "node:os";
import type { DeviceName } from "@hyfw/native";
import type { RunState } from "../checkpoint/state.js";
import type { CommandIo } from "../cli/command.js";
import type { Sample } from "../hooks/augmenter.js";
import { displayPath } from "../preset/origin.js";
import { countBadSamples } from "./bad-sample-count.js";
import { buildEngine, type Engine, heldBytes } from "./build-engine.js";
import type { LoadedRun, Provided } from "./container.js";
import { addUse } from "./data-use.js";
import { openDevice } from "./device.js";
import { enterRun, findStart } from "./enter-run.js";
import { broadcastTo, type EndEvent, RUN_EVENTS, type RunListener } from "./events.js";
import { Journal } from "./journal.js";
import { Ledger } from "./ledger.js";
import { Loader } from "./loader.js";
import { lossWeightOf } from "./loss-weights.js";
import { Milestones } from "./milestones.js";
import { NonFiniteWatch } from "./non-finite-watch.js";
import { openAccelerators } from "./open-accelerators.js";
import { openAugmenters } from "./open-augmenters.js";
import { type OpenData, openData } from "./open-data.js";
import { phaseLr } from "./phase-lr.js";
import { formatPlan, planSettings } from "./plan.js";
import { planAugmenters } from "./plan-augmenters.js";
import { planTraining } from "./plan-training.js";
import { SharedStop } from "./shared-stop.js";
import { type StepReport, trainStep } from "./step.js";
import { StepHeap } from "./step-heap.js";
import type { DataPlace } from "./unit-places.js";
import { Validation, type ValidationFacts } from "./validation.js";
import { ALONE, type World } from "./world.js";

/** Batches that are read before they are needed. */
const READ_AHEAD = 3;
/** Pixels that lie ready: five batches of eight pictures at 1024 pixels. */
const READ_AHEAD_BYTES = 128 * 2 ** 20;

/** How a run is trained beside its settings. */
export interface TrainFacts {
  readonly dryRun?: boolean;
  /** The processes that train together; this one alone when left out. */
  readonly world?: World;
  /** Told of events before the run's own listeners; on rank 0. */
  readonly listeners?: readonly Provided<RunListener>[];
}

/**
 * Trains a loaded run: prints the plan first, and stops after it when `dryRun` is set. Ctrl-C lets the step end, saves
 * a checkpoint and returns.
 */
export async function runTraining(
  run: LoadedRun,
  io: CommandIo,
  { dryRun = false, world = ALONE, listeners = [] }: TrainFacts = {},
): Promise<void> {
  const { settings, resolved } = run;
  const device = openDevice(settings.run, world);
  const accelerators = openAccelerators(run, world.worldSize);
  const start = await findStart(run, world);
  const data = await openData(run, { worldSize: world.worldSize, unitSize: start?.state.unitSize });
  const engine = await buildEngine(run, accelerators, { device: dryRun ? "meta" : device, world });
  const plan = [
    ...planSettings(run),
    ...planTraining(run, { data, engine, device, world }),
    ...(await planAugmenters(run, data)),
  ];
  io.stdout.write(`${formatPlan(plan, io.bold)}\n`);
  if (dryRun) return;

  const { runDir, record, state: entered, notes } = await enterRun(run, { engine, data, plan, world, start });
  for (const note of notes) io.stdout.write(`${note}\n`);
  io.stdout.write(`run folder ${displayPath(runDir, resolved.cwd)}\n\n`);
  const broadcast = broadcastTo(world.isFirst ? [...listeners, ...run.providers(RUN_EVENTS)] : []);
  const { lastStep } = data;
  const { every, peakTflops } = settings.log;
  const { timestepCount } = engine.model;
  const journal = new Journal(
    {
      runDir: world.isFirst ? runDir : undefined,
      lastStep,
      every,
      peakTflops,
      broadcast,
      device,
      timestepCount,
      held: heldBytes(engine),
      worldSize: world.worldSize,
    },
    io,
  );
  run.onClose("the journal", () => journal.close());
  const ledger = new Ledger(runDir, world);
  run.onClose("the ledger", () => ledger.close());
  const milestones = new Milestones({
    settings,
    engine,
    data,
    runDir,
    record,
    journal,
    broadcast,
    cwd: resolved.cwd,
    world,
  });
  run.onClose("the checkpoint under way", () => milestones.close());
  await broadcast("onStart", { runDir, step: entered.step, maxSteps: lastStep });

  const watch = new NonFiniteWatch(settings.train, world, {
    note: (text) => journal.progress.note(text),
    goBack: async () => {
      const back = await milestones.goBack();
      journal.cutBack(back.step);
      return back;
    },
  });
  const validation = openValidation(run, data, { engine, device, world });
  let state = entered;
  const stop = new SharedStop(world, io.signal);
  const note = (text: string): void => journal.progress.note(text);
  const facts = { engine, data, device, world, start: entered, stop, watch, note };
  const heap = new StepHeap();
  try {
    for await (const { reached, report, from, lr, units } of steps(run, facts)) {
      await ledger.add(reached.step, from, units, samplesOf(report));
      state = reached;
      const { step, samples, badSamples = 0 } = state;
      const measured = validation?.isDue(step, lastStep)
        ? await journal.aside(() => validation.measure())
        : undefined;
      await journal.step({ step, lr, samples, badSamples, report, validation: measured });
      const ended = report.batches.findLast(({ unit }) => unit.endsEpoch)?.unit;
      if (ended !== undefined)
        await broadcast("onEpoch", { epoch: ended.epoch, phase: ended.phase.name, step: state.step });
      await milestones.afterStep(state, ended && ended.epoch + 1);
      heap.afterStep(state.step);
    }
    const reason: EndEvent["reason"] = stop.isSet ? "interrupted" : "done";
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

/** What measures the validation loss; absent when the settings do not ask for it. */
function openValidation(
  run: LoadedRun,
  { validation: rows }: OpenData,
  facts: Pick<ValidationFacts, "engine" | "device" | "world">,
): Validation | undefined {
  const { validation: settings, train } = run.settings;
  if (rows === undefined || settings.every === 0) return undefined;
  const inFlight = availableParallelism();
  return new Validation({ ...facts, settings, train, rows, augmenters: openAugmenters(run), inFlight });
}

function samplesOf({ batches }: StepReport): Sample[] {
  return batches.flatMap(({ samples }) => samples);
}

interface StepsFacts {
  readonly engine: Engine;
  readonly data: OpenData;
  readonly device: DeviceName;
  readonly world: World;
  readonly start: RunState;
  readonly stop: SharedStop;
  readonly watch: NonFiniteWatch;
  note(text: string): void;
}

/** One step that is done. */
interface DoneStep {
  readonly reached: RunState;
  readonly report: StepReport;
  /** Where its data began, and the units that it took. */
  readonly from: DataPlace;
  readonly units: number;
  readonly lr: number;
}

/** Optimizer steps one after the other, each with the state that the run then has. */
async function* steps(
  run: LoadedRun,
  { engine, data, device, world, start, stop, watch, note }: StepsFacts,
): AsyncGenerator<DoneStep> {
  const facts = {
    ...data.order,
    rank: world.rank,
    worldSize: world.worldSize,
    phases: data.phases,
    inFlight: availableParallelism(),
    ahead: READ_AHEAD,
    aheadBytes: READ_AHEAD_BYTES,
  };
  const { maxSteps, lossWeights } = run.settings.train;
  const lossWeight = lossWeightOf(lossWeights);
  let loader = new Loader(facts, start.place);
  run.onClose("the loader", () => loader.close());
  let state = start;
  while (state.step < maxSteps && !(await stop.ask())) {
    const step = state.step + 1;
    const { upcoming } = loader;
    if (upcoming === undefined) return;
    const { phase, at: from } = upcoming;
    const { gradAccuSteps, maxGradNorm, onNonFinite } = phase.train;
    const { perUnit } = phase.share;
    const lr = phaseLr(upcoming, step, data.lastStep);
    const order = { step, lr, gradAccuSteps: gradAccuSteps * perUnit, maxGradNorm, onNonFinite };
    const report = await trainStep({ ...engine, device, world, lossWeight }, order, () => loader.next());
    if (report === undefined) return;
    const samples = report.batches.reduce((sum, batch) => sum + batch.samples.length, 0) * world.worldSize;
    const { batches } = report;
    const before = state.badSamples ?? 0;
    const badSamples = await countBadSamples({ step, phase, batches, before }, world, note);
    state = {
      ...state,
      step,
      samples: state.samples + samples,
      place: batches.at(-1)?.unit.after ?? from,
      use: addUse(state.use ?? {}, batches, world.worldSize),
      ...(badSamples > 0 && { badSamples }),
    };
    const back = await watch.look(state, report);
    if (back === undefined) yield { reached: state, report, from, units: gradAccuSteps, lr };
    else {
      state = back;
      await loader.close();
      loader = new Loader(facts, state.place);
    }
  }
}
