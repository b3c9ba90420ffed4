import { type DeviceName, dtypeBytes, type Tensor } from "@hyfw/native";
import type { Accelerator } from "../hooks/accelerator.js";
import { MODEL, type Model } from "../hooks/model.js";
import { OPTIMIZER, type Optimizer, type OptimizerHook } from "../hooks/optimizer.js";
import { chooseTrained } from "./choose-trained.js";
import type { LoadedRun } from "./container.js";
import { Ema } from "./ema.js";
import { Executor } from "./executor.js";

/** What computes a run: the model with what walks it and what changes its weights. */
export interface Engine {
  readonly model: Model;
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
  { device, worldSize }: { readonly device: DeviceName | "meta"; readonly worldSize: number },
): Promise<Engine> {
  const { train, run: settings } = run.settings;
  const facts = { device, seed: settings.seed };
  const model = chooseTrained(run, run.get(MODEL).build(facts), facts);
  if (device !== "meta")
    for (const accelerator of accelerators) await accelerator.prepare?.(model, { device, rank: 0, worldSize });
  const optimizer = wrapped(run.get(OPTIMIZER), accelerators)(model.parameters);
  const ema = train.ema.enabled && device !== "meta" ? new Ema(model.parameters, train.ema) : undefined;
  run.onClose("weights and moments", () => {
    const moments = Object.values(optimizer.state().tensors);
    for (const tensor of [...moments, ...storages(model)]) tensor.dispose();
    ema?.dispose();
  });
  return { model, executor: new Executor(model.segments, accelerators), optimizer, accelerators, ema };
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
  optimizer,
  ema,
}: Engine): Readonly<Record<"weights" | "states" | "average", number>> {
  const device = model.parameters[0]?.storage.device;
  const bytesOf = (tensors: readonly Tensor[]): number =>
    tensors
      .filter((tensor) => tensor.device === device)
      .reduce((sum, { numel, dtype }) => sum + numel * dtypeBytes(dtype), 0);
  return {
    weights: bytesOf(model.parameters.map(({ storage }) => storage)),
    states: bytesOf(Object.values(optimizer.state().tensors)),
    average: bytesOf(Object.values(ema?.tensors ?? {})),
  };
}

/** Every array of a model: its own and those that are trained beside them. */
export function storages({ parameters, whole = [] }: Model): Tensor[] {
  return [...new Set([...whole, ...parameters])].map(({ storage }) => storage);
}
