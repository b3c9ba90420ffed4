import { unitUneven } from "../errors/world.js";
import { DATASET, type Dataset, type PhaseData } from "../hooks/dataset.js";
import { SAMPLER } from "../hooks/sampler.js";
import type { LoadedRun } from "./container.js";
import { checkLossWeights } from "./loss-weights.js";
import { type OpenPhase, type OrderFacts, orderOf } from "./unit-places.js";
import { splitValidation, type ValidationRows } from "./validation-split.js";

/** The data of a run: phases with their rows open, and what orders them. */
export interface OpenData {
  readonly phases: readonly OpenPhase[];
  readonly order: OrderFacts;
  readonly share: UnitShare;
  /** Optimizer steps that the data and the settings allow, over all phases. */
  readonly lastStep: number;
  /** Rows that are measured and never trained on; absent when the settings keep none. */
  readonly validation: ValidationRows | undefined;
}

/** What one process takes of a unit. */
export interface UnitShare {
  /** Samples per micro-batch. */
  readonly microBatch: number;
  /** Micro-batches that its share of a unit is cut into; 1 unless the run began with more processes. */
  readonly perUnit: number;
}

/**
 * Opens every phase's rows; they are closed with the run.
 * @param unitSize samples per unit that a resumed run began with; worldSize × batch size for a new one
 * @throws HYFW_WORLD_SETTING_UNIT when that cannot be dealt to so many processes
 */
export async function openData(
  run: LoadedRun,
  {
    worldSize,
    unitSize = run.settings.train.batchSize * worldSize,
  }: { worldSize: number; unitSize?: number },
): Promise<OpenData> {
  const { train, phases: settings, run: runSettings } = run.settings;
  const opened: Dataset[] = [];
  for (const { name, data } of settings)
    opened.push(await openRows(run, `phase ${name}`, { name, options: data }));
  const { training, rows: validation } = await keepOut(run, opened);
  await checkLossWeights(train.lossWeights, training);
  const phases: OpenPhase[] = [];
  for (const [index, { name, epochs, maxSteps }] of settings.entries()) {
    const dataset = training[index];
    if (dataset === undefined) continue;
    const steps = Math.min(maxSteps ?? train.maxSteps, train.maxSteps);
    phases.push({
      name,
      dataset,
      epochs: epochs ?? train.epochs,
      maxUnits: steps * train.gradAccuSteps,
    });
  }
  const order = {
    sampler: run.get(SAMPLER),
    seed: runSettings.seed,
    unitSize,
  };
  const units = phases.reduce((sum, phase) => sum + unitsOf(phase, order), 0);
  const lastStep = Math.min(train.maxSteps, Math.max(1, Math.floor(units / train.gradAccuSteps)));
  return { phases, order, share: shareOf(unitSize, worldSize, train.batchSize), lastStep, validation };
}

async function openRows(run: LoadedRun, what: string, data: PhaseData): Promise<Dataset> {
  const dataset = await run.get(DATASET).open(data);
  run.onClose(`data of ${what}`, () => dataset.close());
  return dataset;
}

/** Takes the rows of validation out of training. @throws HYFW_SETTINGS_VALIDATION */
async function keepOut(
  run: LoadedRun,
  training: readonly Dataset[],
): Promise<{ readonly training: readonly Dataset[]; readonly rows?: ValidationRows }> {
  const { validation } = run.settings;
  const { fraction, data } = validation;
  if (fraction === undefined && data === undefined) return { training };
  const own =
    data === undefined ? undefined : await openRows(run, "validation", { name: "validation", options: data });
  return splitValidation(training, own, validation);
}

function shareOf(unitSize: number, worldSize: number, batchSize: number): UnitShare {
  const share = unitSize / worldSize;
  if (!Number.isInteger(share)) throw unitUneven(unitSize, worldSize);
  let microBatch = Math.min(batchSize, share);
  while (share % microBatch !== 0) microBatch -= 1;
  return { microBatch, perUnit: share / microBatch };
}

/** Units of a whole phase; beyond its first epochs an estimate, since only leftovers differ from one to the next. */
function unitsOf(phase: OpenPhase, order: OrderFacts): number {
  const exact = Math.min(phase.epochs, 8);
  let units = 0;
  for (let epoch = 0; epoch < exact && units < phase.maxUnits; epoch++)
    units += orderOf(phase, epoch, order).units;
  return Math.min(phase.maxUnits, Math.floor((units / exact) * phase.epochs));
}
