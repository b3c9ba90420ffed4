import { basename } from "node:path";
import type { CommandIo } from "../cli/command.js";
import { resolutionUnknown } from "../errors/command-line.js";
import { samplesNoModel } from "../errors/samples.js";
import { MODEL, type Model } from "../hooks/model.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { type AdapterSource, loadModel } from "../weights/load-start.js";
import type { Drawn, DrawWish } from "./draw-with-run.js";
import { drawWith } from "./open-drawer.js";

/** What to draw, and with which file of weights. */
export interface WeightsOrder extends DrawWish {
  /** A file of weights in any layout that is read, or a folder that holds one. */
  readonly weights: string;
  /** Which state of a file that holds several. */
  readonly state: string;
  /** Added to the weights. */
  readonly adapters: readonly AdapterSource[];
  readonly out: string;
}

/**
 * Draws with weights from a file, with the model and the encoders that the settings name.
 * @throws HYFW_WEIGHTS*, HYFW_RESOLUTION_UNKNOWN, HYFW_SAMPLES_MODEL when the settings load no model
 */
export async function drawWithWeights(
  resolved: ResolvedSettings,
  { weights, adapters, state, out, request, batchSize, gridColumns, recipes }: WeightsOrder,
  io: Pick<CommandIo, "stdout" | "isTerminal" | "signal">,
): Promise<Drawn> {
  const hasModel = resolved.plugins.some(({ definition }) =>
    definition.provides.some(({ key }) => key === MODEL.key),
  );
  if (!hasModel) throw samplesNoModel(weights);
  const { settings } = resolved;
  const resolution = request.resolution ?? settings.samples.resolution;
  if (resolution === undefined) throw resolutionUnknown(weights);
  const notes: string[] = [];
  const load = (model: Model) => {
    const from = { ...settings.weights, model: weights, state, adapters };
    notes.push(...loadModel(model, from).map((note) => note.replace(/^starting from/, "weights of")));
    const loras = adapters.map(({ path, strength }) => `${basename(path)}:${strength}`).join(", ");
    const facts = { weights: basename(weights), state, ...(loras !== "" && { loras }) };
    return {
      request: { ...request, resolution },
      place: { folder: out, facts, batchSize, ...(gridColumns !== undefined && { gridColumns }) },
      recipes,
    };
  };
  return { files: await drawWith(resolved, load, io), notes };
}
