import type { CommandIo } from "../cli/command.js";
import type { PlanOptions } from "../cli/plan-command.js";
import { HyfwError } from "../define-error.js";
import type { Resolution } from "../hooks/dataset.js";
import { MODEL } from "../hooks/model.js";
import { OPTIMIZER } from "../hooks/optimizer.js";
import type { AbsentPlugin } from "../preset/load-settings.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { type LoadedRun, openRun } from "../run/container.js";
import { openData } from "../run/open-data.js";
import { formatPlan } from "../run/plan.js";
import { type Choice, checkpointingSets, nameOf } from "./choices.js";
import type { Gpu } from "./gpus.js";
import { measureRun } from "./plan-run.js";
import { planSections } from "./plan-sections.js";
import { judge, measureAll, recommend } from "./recommend.js";
import { standIn } from "./stand-ins.js";

/** What `hyfw plan` was asked for. */
export interface PlanRequest {
  readonly resolved: ResolvedSettings;
  /** The same settings with more `--set` values over them. */
  readonly resolve: (sets: readonly string[]) => Promise<ResolvedSettings>;
  /** Needed plugins that are not installed, with what is set for them. */
  readonly absent: readonly AbsentPlugin[];
  readonly options: PlanOptions;
  readonly gpu: Gpu;
}

/** Plans a run and prints the plan. */
export async function planRun(
  { resolved, resolve, absent, options, gpu }: PlanRequest,
  io: Pick<CommandIo, "stdout" | "bold">,
): Promise<void> {
  const { batchSize, gradAccuSteps } = resolved.settings.train;
  const gpus = options.gpus ?? resolved.settings.requires.gpus ?? 1;
  const data = await dataFacts(resolved, options);
  const measured = await measureAll(async (checkpointing) =>
    withStandIns(await resolve(checkpointingSets(checkpointing)), (run) => measureRun(run, data.resolution)),
  );
  const notes = await withStandIns(resolved, async (_run, stood) => stood);
  const place = { gpu, gpus, gradAccuSteps, utilisation: options.utilisation };
  const configured = configuredChoice(resolved, absent, gpus);
  const answer = {
    ...data,
    notes: [...absent.map(({ name }) => `without ${name}, which is not installed`), ...notes],
    measured,
    place,
    configured,
    batch: batchSize,
    maxBatch: Math.max(options.maxBatch, batchSize),
    price: options.price,
    recommendation: recommend(batchSize, measured, place),
  };
  if (!options.json) {
    io.stdout.write(formatPlan(planSections(answer), io.bold));
    return;
  }
  const own = judge(configured, batchSize, measured, place);
  const best = answer.recommendation;
  io.stdout.write(
    `${JSON.stringify({ gpu: gpu.name, gpus, ...data, configured: { name: nameOf(configured), ...own }, recommended: best && { name: nameOf(best.best.choice), why: best.why, ...best.best } }, undefined, 2)}\n`,
  );
}

/** Opens a run for planning. Where encoders are not there, or their weights, stand-ins take their place. */
async function withStandIns<Result>(
  resolved: ResolvedSettings,
  work: (run: LoadedRun, notes: readonly string[]) => Promise<Result>,
): Promise<Result> {
  const some = standIn(resolved);
  try {
    return await withRun(some.resolved, (run) => work(run, some.notes));
  } catch (fault) {
    if (!(fault instanceof HyfwError)) throw fault;
    const all = standIn(resolved, true);
    return withRun(all.resolved, (run) => work(run, all.notes));
  }
}

/** Opens a run of which only model and optimizer have to be there. */
async function withRun<Result>(
  resolved: ResolvedSettings,
  work: (run: LoadedRun) => Promise<Result>,
): Promise<Result> {
  const run = await openRun(resolved, { required: [MODEL, OPTIMIZER] });
  try {
    return await work(run);
  } finally {
    await run.close();
  }
}

interface DataFacts {
  readonly resolution: Resolution;
  readonly resolutionFrom: string;
  readonly samples: number | undefined;
}

/** Resolution and samples: what was given, else the data's, else a square of 1024. */
async function dataFacts(
  resolved: ResolvedSettings,
  { resolution: sides, samples }: Pick<PlanOptions, "resolution" | "samples">,
): Promise<DataFacts> {
  const [height, width = height] = sides ?? [];
  const given = height === undefined || width === undefined ? undefined : { height, width };
  const found =
    given !== undefined && samples !== undefined ? undefined : await withStandIns(resolved, lookAtData);
  const resolution = given ?? found?.resolution ?? { height: 1024, width: 1024 };
  const from =
    given !== undefined ? "given" : found !== undefined ? "the largest bucket" : "the data cannot be opened";
  return { resolution, resolutionFrom: from, samples: samples ?? found?.samples };
}

async function lookAtData(
  run: LoadedRun,
): Promise<{ readonly resolution: Resolution; readonly samples: number } | undefined> {
  try {
    const { phases } = await openData(run, { worldSize: 1 });
    const sources = phases.flatMap((phase) => phase.sources);
    const buckets = sources.flatMap(({ dataset }) => dataset.buckets);
    const [largest] = [...buckets].sort((a, b) => area(b.resolution) - area(a.resolution));
    const samples = sources.reduce((sum, { dataset }) => sum + dataset.length, 0);
    return largest && { resolution: largest.resolution, samples };
  } catch (fault) {
    // A plan is often made where the data is not.
    if (fault instanceof HyfwError) return undefined;
    throw fault;
  }
}

const area = ({ height, width }: Resolution): number => height * width;

/** The choice that the settings make. */
function configuredChoice(
  { plugins }: ResolvedSettings,
  absent: readonly AbsentPlugin[],
  gpus: number,
): Choice {
  const optionsOf = (name: string): Readonly<Record<string, unknown>> => {
    const { options } = [...plugins, ...absent].find((plugin) => plugin.name === name) ?? {};
    return typeof options === "object" && options !== null ? { ...options } : {};
  };
  const checkpointing = optionsOf("accelerator-gradient-checkpointing");
  const offload = optionsOf("accelerator-cpu-offload");
  const { stage } = optionsOf("accelerator-zero");
  const zero = gpus > 1 && (stage === 1 || stage === 2 || stage === 3) ? stage : 0;
  return {
    zero,
    offload:
      offload.enabled !== true ? "none" : offload.gradients === true ? "states and gradients" : "states",
    checkpointing:
      checkpointing.enabled !== true ? "off" : checkpointing.mode === "selective" ? "selective" : "full",
  };
}
