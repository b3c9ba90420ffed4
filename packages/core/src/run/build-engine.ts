import { type DeviceName, dtypeBytes, type Tensor } from "@hyfw/native";
import type { Accelerator, Sharding } from "../hooks/accelerator.js";
import { ADAPTER } from "../hooks/adapter.js";
import { MODEL, type Model, type ParameterSlot } from "../hooks/model.js";
import { OPTIMIZER, type Optimizer, type OptimizerHook } from "../hooks/optimizer.js";
import { chooseTrained } from "./choose-trained.js";
import type { LoadedRun } from "./container.js";
import { Ema } from "./ema.js";
import { Executor } from "./executor.js";
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
  readonly accelerators: readonly Accelerator[];
  /** Absent when the settings keep no moving average, and on the `meta` device. */
  readonly ema: Ema | undefined;
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
  const optimizer = wrapped(run.get(OPTIMIZER), accelerators)(trained);
  const ema = train.ema.enabled && device !== "meta" ? new Ema(trained, train.ema, sharding) : undefined;
  run.onClose("weights and moments", async () => {
    for (const accelerator of accelerators) await accelerator.close?.();
    const moments = Object.values(optimizer.state().tensors);
    const stretches = trained.map(({ storage }) => storage);
    for (const tensor of [...moments, ...storages(model), ...stretches]) tensor.dispose();
    optimizer.dispose?.();
    ema?.dispose();
  });
  const executor = new Executor(model.segments, accelerators);
  return { model, sharding, trained, executor, optimizer, accelerators, ema };
}

/** How the optimizer is made, with every accelerator that has a say in it around, the first in preset order outermost. */
function wrapped(hook: OptimizerHook, accelerators: readonly Accelerator[]): OptimizerHook["create"] {
  let next: OptimizerHook["create"] = (parameters) => hook.create(parameters);
  for (const accelerator of [...accelerators].reverse()) next = accelerator.wrapOptimizer?.(next) ?? next;
  return next;
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
    average: bytesOf(Object.values(ema?.tensors ?? {})),
  };
}

/** Every array of a model: its own and those that are trained beside them. */
export function storages({ parameters, whole = [] }: Model): Tensor[] {
  return [...new Set([...whole, ...parameters])].map(({ storage }) => storage);
}
