import { unitUneven } from "../errors/world.js";
import { DATASET } from "../hooks/dataset.js";
import { SAMPLER } from "../hooks/sampler.js";
import type { LoadedRun } from "./container.js";
import { type OpenPhase, type OrderFacts, orderOf } from "./unit-places.js";

/** The data of a run: phases with their rows open, and what orders them. */
export interface OpenData {
  readonly phases: readonly OpenPhase[];
  readonly order: OrderFacts;
  readonly share: UnitShare;
  /** Optimizer steps that the data and the settings allow, over all phases. */
  readonly lastStep: number;
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
  const phases: OpenPhase[] = [];
  for (const { name, data, epochs, maxSteps } of settings) {
    const dataset = await run.get(DATASET).open({ name, options: data });
    run.onClose(`data of phase ${name}`, () => dataset.close());
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
  return { phases, order, share: shareOf(unitSize, worldSize, train.batchSize), lastStep };
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
