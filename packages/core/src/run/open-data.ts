import { unitUneven } from "../errors/world.js";
import { DATASET, type Dataset, type PhaseData } from "../hooks/dataset.js";
import { SAMPLER } from "../hooks/sampler.js";
import type { Settings } from "../settings/schema.js";
import type { LoadedRun } from "./container.js";
import { checkLossWeights } from "./loss-weights.js";
import { openAugmentersUnder } from "./open-augmenters.js";
import {
  mixedEpochUnits,
  type OpenPhase,
  type OpenSource,
  type OrderFacts,
  orderOf,
  type UnitShare,
} from "./unit-places.js";
import { splitValidation, type ValidationRows } from "./validation-split.js";

/** The data of a run: phases with their rows open, and what orders them. */
export interface OpenData {
  readonly phases: readonly OpenPhase[];
  readonly order: OrderFacts;
  /** Optimizer steps that the data and the settings allow, over all phases. */
  readonly lastStep: number;
  /** Rows that are measured and never trained on; absent when the settings keep none. */
  readonly validation: ValidationRows | undefined;
}

type PhaseSettings = Settings["phases"][number];

/** Settings of a phase that let its learning rate follow its own steps. */
const LR_SETTINGS = ["lr", "lrSchedule", "minLr", "warmupSteps", "warmupMinLr"] as const;

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
  const open: Dataset[] = [];
  for (const phase of settings)
    for (const { name, data } of sourcesOf(phase))
      open.push(await openRows(run, `phase ${name}`, { name, options: data }));
  const { training, rows: validation } = await keepOut(run, open);
  await checkLossWeights(train.lossWeights, training);
  const order = {
    sampler: run.get(SAMPLER),
    seed: runSettings.seed,
    unitSize,
    // The batch size of a run is fixed, so its unit tells with how many processes it began.
    ranks: unitSize / train.batchSize,
  };
  const phases: OpenPhase[] = [];
  const left = [...training];
  for (const phase of settings)
    phases.push(await openPhase(run, phase, left.splice(0, sourcesOf(phase).length), order, worldSize));
  const steps = phases.reduce((sum, phase) => sum + phase.steps, 0);
  const lastStep = Math.min(train.maxSteps, Math.max(1, steps));
  return { phases, order, lastStep, validation };
}

/** @param datasets of its sources, in their order */
async function openPhase(
  run: LoadedRun,
  phase: PhaseSettings,
  datasets: readonly Dataset[],
  order: OrderFacts,
  worldSize: number,
): Promise<OpenPhase> {
  const train = { ...run.settings.train, ...phase.train };
  const sources: OpenSource[] = [];
  const weights = phase.mix?.reduce((sum, { weight }) => sum + weight, 0) ?? 1;
  for (const [n, { name, plugins, weight }] of sourcesOf(phase).entries()) {
    const dataset = datasets[n];
    if (dataset === undefined) throw new RangeError(`phase ${phase.name} has no data set ${n}`);
    const augmenters = await openAugmentersUnder(run, plugins);
    sources.push({ name, dataset, share: weight / weights, augmenters });
  }
  const steps = Math.min(phase.maxSteps ?? train.maxSteps, train.maxSteps);
  const unitSize = order.ranks * train.batchSize;
  const open = {
    name: phase.name,
    sources,
    isMixed: phase.mix !== undefined,
    epochs: phase.epochs ?? train.epochs,
    maxUnits: steps * train.gradAccuSteps,
    unitSize,
    share: shareOf(unitSize, worldSize, train.batchSize),
    train,
    hasOwnLr: LR_SETTINGS.some((name) => phase.train?.[name] !== undefined),
  };
  return { ...open, steps: Math.floor(unitsOf(open, order) / train.gradAccuSteps) };
}

interface SourceSettings {
  readonly name: string;
  readonly data: PhaseSettings["data"];
  readonly plugins?: PhaseSettings["plugins"];
  readonly weight: number;
}

/** The data sets of a phase: those of its mix, or its own. */
function sourcesOf({ name, data, plugins, mix }: PhaseSettings): SourceSettings[] {
  if (mix === undefined) return [{ name, data, plugins, weight: 1 }];
  return mix.map((source) => ({ ...source, name: `${name}/${source.name}` }));
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
function unitsOf(phase: Omit<OpenPhase, "steps">, order: OrderFacts): number {
  const [source] = phase.sources;
  if (source === undefined) return 0;
  if (phase.isMixed) return Math.min(phase.maxUnits, mixedEpochUnits(phase) * phase.epochs);
  const exact = Math.min(phase.epochs, 8);
  let units = 0;
  for (let epoch = 0; epoch < exact && units < phase.maxUnits; epoch++)
    units += orderOf(phase, source, epoch, order).units;
  return Math.min(phase.maxUnits, Math.floor((units / exact) * phase.epochs));
}
