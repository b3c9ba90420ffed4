import type { DeviceName } from "@hyfw/native";
import type { Accelerator, Sharding } from "../hooks/accelerator.js";
import { MODEL, type Model, type ParameterSlot } from "../hooks/model.js";
import { OPTIMIZER, type Optimizer } from "../hooks/optimizer.js";
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
  const withoutWeights = device !== "meta" && accelerators.some((one) => one.makesWeights?.(worldSize) === true);
  const model = run.get(MODEL).build({ device, seed: settings.seed, withoutWeights });
  if (device !== "meta")
    for (const accelerator of accelerators)
      await accelerator.prepare?.(model, { device, rank, worldSize, ...(group !== undefined && { group }) });
  const sharding = accelerators.find((one) => one.sharding !== undefined)?.sharding;
  const trained = sharding?.slots ?? model.parameters;
  const optimizer = run.get(OPTIMIZER).create(trained);
  const ema = train.ema.enabled && device !== "meta" ? new Ema(trained, train.ema, sharding) : undefined;
  run.onClose("weights and moments", async () => {
    for (const accelerator of accelerators) await accelerator.close?.();
    const moments = Object.values(optimizer.state().tensors);
    const weights = [...new Set([...model.parameters, ...trained])].map(({ storage }) => storage);
    for (const tensor of [...moments, ...weights]) tensor.dispose();
    ema?.dispose();
  });
  const executor = new Executor(model.segments, accelerators);
  return { model, sharding, trained, executor, optimizer, accelerators, ema };
}
