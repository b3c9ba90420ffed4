import { type DeviceName, dtypeBytes, type Tensor } from "@hyfw/native";
import type { Accelerator, Sharding } from "../hooks/accelerator.js";
import { ADAPTER } from "../hooks/adapter.js";
import { MODEL, type Model, type ParameterSlot } from "../hooks/model.js";
import {
  type CreateOptimizer,
  OPTIMIZER,
  type Optimizer,
  type OptimizerFacts,
  type OptimizerHook,
} from "../hooks/optimizer.js";
import { averageTwice, groupsUnknown, optimizerInParts } from "../errors/optimizers.js";
import { type FoundGroup, findGroups, rulesOf } from "../optimizer/update-rules.js";
import { OptimizerAverage, type WeightAverage } from "./weight-average.js";
import { chooseTrained } from "./choose-trained.js";
import type { LoadedRun } from "./container.js";
import { Ema } from "./ema.js";
import { Executor } from "./executor.js";
import type { Settings } from "../settings/schema.js";
import type { World } from "./world.js";

/** What computes a run: the model with what walks it and what changes its weights. */
export interface Engine {
  readonly model: Model;
  /** How parameters are spread over processes; absent where every process has all. */
  readonly sharding: Sharding | undefined;
  /** What this process updates: the model's parameters, or its stretches of them. */
  readonly trained: readonly ParameterSlot[];
  readonly executor: Executor;
  readonly optimizer: Optimizer;
  /** Tensors with a learning rate or a weight decay of their own. */
  readonly groups: readonly FoundGroup[];
  readonly accelerators: readonly Accelerator[];
  /** Absent when neither the settings nor the optimizer keep an average, and on the `meta` device. */
  readonly ema: WeightAverage | undefined;
}

/** Builds model, optimizer and moving average on a device; `meta` gives names and shapes only, for the plan. */
export async function buildEngine(
  run: LoadedRun,
  accelerators: readonly Accelerator[],
  { device, world }: { readonly device: DeviceName | "meta"; readonly world: World },
): Promise<Engine> {
  const { train, run: settings } = run.settings;
  const { rank, worldSize, group } = world;
  // What is frozen stays whole on every process, and has to be filled with weights.
  const isPart = train.only !== undefined || run.getAll(ADAPTER).length > 0;
  const isSpread = accelerators.some((one) => one.makesWeights?.(worldSize) === true);
  const withoutWeights = device !== "meta" && !isPart && isSpread;
  const facts = { device, seed: settings.seed, withoutWeights };
  const model = chooseTrained(run, run.get(MODEL).build(facts), facts);
  if (device !== "meta")
    for (const accelerator of accelerators)
      await accelerator.prepare?.(model, { device, rank, worldSize, ...(group !== undefined && { group }) });
  const sharding = accelerators.find((one) => one.sharding !== undefined)?.sharding;
  const trained = sharding?.slots ?? model.parameters;
  const hook = run.get(OPTIMIZER);
  const groups = findGroups(train.groups, model.parameters);
  const sum: OptimizerFacts["sum"] = (numbers) =>
    sharding === undefined ? Promise.resolve(numbers) : world.reduce([...numbers], "sum");
  const optimizer = createWith(hook, accelerators, { ruleOf: rulesOf(groups), sum }, groups)(trained);
  const ema = averageOf(hook, optimizer, { trained, settings: train.ema, sharding });
  run.onClose("weights and moments", async () => {
    for (const accelerator of accelerators) await accelerator.close?.();
    const moments = Object.values(optimizer.state().tensors);
    const stretches = trained.map(({ storage }) => storage);
    for (const tensor of [...moments, ...storages(model), ...stretches]) tensor.dispose();
    optimizer.dispose?.();
    ema?.dispose();
  });
  const executor = new Executor(model.segments, accelerators);
  return { model, sharding, trained, executor, optimizer, groups, accelerators, ema };
}

/**
 * How the optimizer is made, with every accelerator that has a say in it around, the first in preset order outermost.
 * @throws HYFW_SETTINGS_GROUPS, HYFW_SETTINGS_OPTIMIZER_PARTS
 */
function createWith(
  hook: OptimizerHook,
  accelerators: readonly Accelerator[],
  facts: OptimizerFacts,
  groups: readonly FoundGroup[],
): CreateOptimizer {
  if (groups.length > 0 && hook.takesRules !== true) throw groupsUnknown(hook.name);
  const parts = accelerators.find((one) => one.wrapOptimizer !== undefined);
  if (hook.seesAll !== undefined && parts !== undefined)
    throw optimizerInParts(hook.name, hook.seesAll, parts.name);
  let next: CreateOptimizer = (parameters) => hook.create(parameters, facts);
  for (const accelerator of [...accelerators].reverse()) next = accelerator.wrapOptimizer?.(next) ?? next;
  return next;
}

interface AverageFacts {
  readonly trained: readonly ParameterSlot[];
  readonly settings: Settings["train"]["ema"];
  readonly sharding: Sharding | undefined;
}

/** The average that the settings keep, or the optimizer. @throws HYFW_SETTINGS_AVERAGE_TWICE */
function averageOf(
  { name }: OptimizerHook,
  optimizer: Optimizer,
  { trained, settings, sharding }: AverageFacts,
): WeightAverage | undefined {
  const own = optimizer.averageOf?.bind(optimizer);
  if (own !== undefined && settings.enabled) throw averageTwice(name);
  if (trained.some(({ storage }) => storage.device === "meta")) return undefined;
  if (own !== undefined) {
    const count = (): number => optimizer.state().counters.steps ?? 0;
    return new OptimizerAverage(trained, { of: own, count }, sharding);
  }
  return settings.enabled ? new Ema(trained, settings, sharding) : undefined;
}

/** Bytes of what a run holds from step to step, on the device that it trains on. */
export function heldBytes({
  model,
  sharding,
  trained,
  optimizer,
  ema,
}: Engine): Readonly<Record<"weights" | "states" | "average", number>> {
  const weights = sharding?.isWeightless ? trained : model.parameters;
  const device = weights[0]?.storage.device;
  const bytesOf = (tensors: readonly Tensor[]): number =>
    tensors
      .filter((tensor) => tensor.device === device)
      .reduce((sum, { numel, dtype }) => sum + numel * dtypeBytes(dtype), 0);
  return {
    weights: bytesOf(weights.map(({ storage }) => storage)),
    states: bytesOf(Object.values(optimizer.state().tensors)),
    average: bytesOf(ema?.held ?? []),
  };
}

/** Every array of a model: its own and those that are trained beside them. */
export function storages({ parameters, whole = [] }: Model): Tensor[] {
  return [...new Set([...whole, ...parameters])].map(({ storage }) => storage);
}
