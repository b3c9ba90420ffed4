import { join } from "node:path";
import { findCheckpoint, type RunPlaces } from "../checkpoint/find.js";
import { loadCheckpointWeights } from "../checkpoint/load.js";
import type { CommandIo } from "../cli/command.js";
import { resolutionUnknown } from "../errors/command-line.js";
import type { Resolution } from "../hooks/dataset.js";
import type { DrawRequest, Model } from "../hooks/model.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { loadModel } from "../weights/load-start.js";
import { stepName } from "./milestones.js";
import { drawWith } from "./open-drawer.js";
import { RUN_FILES } from "./run-folder.js";
import { readRecord } from "./run-record.js";

/** What to draw, whatever the weights come from. */
export interface DrawWish {
  /** Without a resolution that of the settings is taken. */
  readonly request: Omit<DrawRequest, "resolution"> & { readonly resolution?: Resolution };
  readonly batchSize: number;
  /** Columns of a grid of all pictures; none is written when left out. */
  readonly gridColumns?: number;
  readonly recipes: boolean;
}

/** What to draw, and with which checkpoint. */
export interface DrawOrder extends DrawWish {
  /** A run or one of its checkpoints, as `findCheckpoint` takes it. */
  readonly run: string;
  readonly places: RunPlaces;
  readonly weights: "ema" | "live";
  /** Folder for the pictures; one in the run's samples when left out. */
  readonly out?: string;
}

/** What was drawn, and what a person should know of the weights. */
export interface Drawn {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Draws with the weights of a checkpoint, through the same code as pictures during training.
 * @throws HYFW_RUN_NOT_FOUND, HYFW_CHECKPOINT_*, HYFW_WEIGHTS, HYFW_RESOLUTION_UNKNOWN
 */
export async function drawWithRun(
  resolved: ResolvedSettings,
  { run: text, places, weights, out, request, batchSize, gridColumns, recipes }: DrawOrder,
  io: Pick<CommandIo, "stdout" | "isTerminal" | "signal">,
): Promise<Drawn> {
  const { runDir, path, step, ...found } = await findCheckpoint(text, places);
  const notes = [...found.notes];
  const resolution = request.resolution ?? resolved.settings.samples.resolution;
  if (resolution === undefined) throw resolutionUnknown(runDir);
  const { name } = readRecord(runDir);
  const load = (model: Model) => {
    if (model.adapter !== undefined) notes.push(...loadModel(model, resolved.settings.weights));
    const isAveraged = loadCheckpointWeights(path, model, weights);
    const facts = { run: name, step: String(step), weights: isAveraged ? "ema" : "live" };
    notes.push(`${name}, step ${step}, ${facts.weights} weights, seed ${request.seed}`);
    const folder = out ?? join(runDir, RUN_FILES.samples, `drawn-${stepName(step)}`);
    return {
      request: { ...request, resolution },
      place: { folder, facts, batchSize, ...(gridColumns !== undefined && { gridColumns }) },
      recipes,
    };
  };
  return { files: await drawWith(resolved, load, io), notes };
}
