import { join } from "node:path";
import { findCheckpoint, type RunPlaces } from "../checkpoint/find.js";
import { loadCheckpointWeights } from "../checkpoint/load.js";
import type { CommandIo } from "../cli/command.js";
import { resolutionUnknown } from "../errors.js";
import { AUGMENTER } from "../hooks/augmenter.js";
import { DATASET, type Resolution } from "../hooks/dataset.js";
import { type DrawRequest, MODEL } from "../hooks/model.js";
import { OPTIMIZER } from "../hooks/optimizer.js";
import { SAMPLER } from "../hooks/sampler.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { loadModel } from "../weights/load-start.js";
import { storages } from "./build-engine.js";
import { chooseTrained } from "./choose-trained.js";
import { openRun } from "./container.js";
import { openDevice } from "./device.js";
import { drawPictures } from "./draw-pictures.js";
import { RUN_EVENTS } from "./events.js";
import { Executor } from "./executor.js";
import { stepName } from "./milestones.js";
import { openAccelerators } from "./open-accelerators.js";
import { Progress } from "./progress.js";
import { RUN_FILES } from "./run-folder.js";
import { readRecord } from "./run-record.js";

/** What to draw, and with which checkpoint. */
export interface DrawOrder {
  /** A run or one of its checkpoints, as `findCheckpoint` takes it. */
  readonly run: string;
  readonly places: RunPlaces;
  readonly weights: "ema" | "live";
  /** Folder for the pictures; one in the run's samples when left out. */
  readonly out?: string;
  /** Without a resolution the run's own is taken. */
  readonly request: Omit<DrawRequest, "resolution"> & { readonly resolution?: Resolution };
}

/** What only training needs: a run may be drawn with where its data is not. */
const FOR_TRAINING = [DATASET, SAMPLER, AUGMENTER, OPTIMIZER, RUN_EVENTS];

/**
 * Draws with the weights of a checkpoint, through the same code as pictures during training.
 * @returns the files, in the order of the prompts, and what a person should know of the checkpoint
 * @throws HYFW_RUN_NOT_FOUND, HYFW_CHECKPOINT_*, HYFW_WEIGHTS, HYFW_RESOLUTION_UNKNOWN
 */
export async function drawWithRun(
  resolved: ResolvedSettings,
  { run: text, places, weights, out, request }: DrawOrder,
  io: Pick<CommandIo, "stdout" | "isTerminal" | "signal">,
): Promise<{ readonly files: readonly string[]; readonly notes: readonly string[] }> {
  const { runDir, path, step, ...found } = await findCheckpoint(text, places);
  const notes = [...found.notes];
  const resolution = request.resolution ?? resolved.settings.samples.resolution;
  if (resolution === undefined) throw resolutionUnknown(runDir);
  const plugins = resolved.plugins.filter(({ definition }) =>
    definition.provides.every(({ key }) => !FOR_TRAINING.some((token) => token.key === key)),
  );
  const run = await openRun({ ...resolved, plugins }, { required: [MODEL] });
  const progress = new Progress(io);
  try {
    const device = openDevice(resolved.settings.run);
    const accelerators = openAccelerators(run);
    const building = { device, seed: resolved.settings.run.seed };
    const model = chooseTrained(run, run.get(MODEL).build(building), building);
    run.onClose("weights", () => {
      for (const tensor of storages(model)) tensor.dispose();
    });
    for (const accelerator of accelerators)
      await accelerator.prepare?.(model, { device, rank: 0, worldSize: 1 });
    if (model.adapter !== undefined) notes.push(...loadModel(model, resolved.settings.weights));
    const isAveraged = loadCheckpointWeights(path, model, weights);
    const executor = new Executor(model.segments, accelerators);
    const onStep = (done: number, of: number): void => {
      io.signal.throwIfAborted();
      progress.activity(`drawing ${request.prompts.length} picture(s), ${done}/${of}`);
    };
    const { name } = readRecord(runDir);
    const facts = { run: name, step: String(step), weights: isAveraged ? "ema" : "live" };
    const folder = out ?? join(runDir, RUN_FILES.samples, `drawn-${stepName(step)}`);
    const files = await drawPictures(
      { model, executor, ema: undefined },
      { ...request, resolution, onStep },
      { folder, facts },
    );
    progress.end();
    return {
      files,
      notes: [...notes, `${name}, step ${step}, ${facts.weights} weights, seed ${request.seed}`],
    };
  } finally {
    progress.end();
    await run.close();
  }
}
