import { type DeviceName, linearKernel, threads, torchVersion } from "@hyfw/native";
import type { Engine } from "./build-engine.js";
import type { LoadedRun } from "./container.js";
import type { OpenData } from "./open-data.js";
import type { PlanSection } from "./plan.js";
import { formatBytes } from "./progress.js";
import { orderOf } from "./unit-places.js";
import type { World } from "./world.js";

/** What the plan of a training run is made from. */
export interface PlanFacts {
  readonly data: OpenData;
  readonly engine: Engine;
  readonly device: DeviceName;
  readonly world: World;
}

/** What a run will compute, and on what: data, steps, model, machine. */
export function planTraining(run: LoadedRun, { data, engine, device, world }: PlanFacts): PlanSection[] {
  return [
    planData(data),
    planSteps(run, data, world),
    planModel(engine),
    {
      title: "Machine",
      rows: [
        ["device", device],
        ["CPU threads", String(threads())],
        ["libtorch", torchVersion()],
        ["float32 linear on the CPU", linearKernel()],
        ["memory for weights and optimizer", memory(engine, run.settings.train.ema.enabled)],
      ],
    },
  ];
}

function planData({ phases, order }: OpenData): PlanSection {
  const rows = phases.flatMap((phase): [string, string][] => [
    ...phase.dataset
      .describe()
      .map((fact, n): [string, string] => [n === 0 ? `phase ${phase.name}` : "", fact]),
    ...orderOf(phase, 0, order).notes.map((note): [string, string] => ["", note]),
  ]);
  return { title: "Data", rows };
}

function planSteps(
  { settings }: LoadedRun,
  { phases, order, share, lastStep }: OpenData,
  { worldSize }: World,
): PlanSection {
  const { gradAccuSteps, lr, lrSchedule, warmupSteps, minLr, ema } = settings.train;
  const samples = order.unitSize * gradAccuSteps;
  const perEpoch = phases.map(
    (phase) => `${phase.name} ${(orderOf(phase, 0, order).units / gradAccuSteps).toFixed(1)}`,
  );
  const schedule = lrSchedule === "constant" ? "constant" : `${lrSchedule} to ${minLr} at step ${lastStep}`;
  return {
    title: "Steps",
    rows: [
      ["steps", String(lastStep)],
      [
        "samples per step",
        `${samples} = ${share.microBatch} per micro-batch × ${gradAccuSteps * share.perUnit} micro-batch(es) × ${worldSize} process(es)`,
      ],
      ["steps per epoch", perEpoch.join(", ")],
      ["learning rate", `${lr}, ${warmupSteps > 0 ? `${warmupSteps} warm-up steps, ` : ""}${schedule}`],
      [
        "moving average",
        ema.enabled ? `decay ${ema.decay ?? 0.9999}${ema.warmup ? ", with warm-up" : ""}` : "none",
      ],
    ],
  };
}

function planModel({ model, optimizer, accelerators }: Engine): PlanSection {
  const { parameters, whole = parameters, adapter } = model;
  const count = parameters.reduce((sum, { shape }) => sum + elements(shape), 0);
  const all = whole.reduce((sum, { shape }) => sum + elements(shape), 0);
  const frozen =
    count < all || adapter !== undefined ? `, beside ${all.toLocaleString("en")} of the model` : "";
  return {
    title: "Model",
    rows: [
      ...model.describe(),
      ...(adapter === undefined ? [] : [[`adapter ${adapter.name}`, adapter.describe()] as [string, string]]),
      [
        "trained",
        `${count.toLocaleString("en")} parameters in ${parameters.length} tensors, float32${frozen}`,
      ],
      ["segments", String(model.segments.length)],
      ["optimizer", optimizer.describe()],
      ...accelerators.map((one): [string, string] => [`accelerator ${one.name}`, one.describe()]),
    ],
  };
}

/** Weights, gradients, two moments and the moving average, all float32; activations come on top. */
function memory({ model }: Engine, hasEma: boolean): string {
  const count = model.parameters.reduce((sum, { shape }) => sum + elements(shape), 0);
  const trained = new Set(model.parameters);
  const frozen = (model.whole ?? []).filter((slot) => !trained.has(slot));
  const still = frozen.reduce((sum, { shape }) => sum + elements(shape), 0);
  return `${formatBytes(count * 4 * (hasEma ? 5 : 4) + still * 4)}, activations on top`;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
