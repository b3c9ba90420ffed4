import { type DeviceName, dtypeBytes, linearKernel, threads, torchVersion } from "@hyfw/native";
import { describeGroup } from "../optimizer/update-rules.js";
import type { Settings } from "../settings/schema.js";
import type { Engine } from "./build-engine.js";
import type { LoadedRun } from "./container.js";
import { describeLr } from "./lr-schedule.js";
import type { OpenData } from "./open-data.js";
import type { PlanSection } from "./plan.js";
import { formatBytes } from "./progress.js";
import { orderOf } from "./unit-places.js";
import type { ValidationRows } from "./validation-split.js";
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
    planData(run, data),
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

function planData({ settings }: LoadedRun, { phases, order, validation }: OpenData): PlanSection {
  const rows = phases.flatMap((phase): [string, string][] => [
    ...phase.dataset
      .describe()
      .map((fact, n): [string, string] => [n === 0 ? `phase ${phase.name}` : "", fact]),
    ...orderOf(phase, 0, order).notes.map((note): [string, string] => ["", note]),
  ]);
  if (validation !== undefined)
    rows.push(["validation", describeValidation(validation, settings.validation)]);
  return { title: "Data", rows };
}

function describeValidation(
  { batches, pictures }: ValidationRows,
  { every, timesteps, ema }: Settings["validation"],
): string {
  const rows = batches.reduce((sum, { positions }) => sum + positions.length, 0);
  const when = every === 0 ? "never measured" : `every ${every} steps and after the last`;
  return `${rows} of ${pictures} pictures that are never trained on, at ${timesteps} timesteps each, ${when}${ema ? ", with the average of the weights" : ""}`;
}

function planSteps(
  { settings }: LoadedRun,
  { phases, order, share, lastStep }: OpenData,
  { worldSize }: World,
): PlanSection {
  const { gradAccuSteps, ema } = settings.train;
  const samples = order.unitSize * gradAccuSteps;
  const perEpoch = phases.map(
    (phase) => `${phase.name} ${(orderOf(phase, 0, order).units / gradAccuSteps).toFixed(1)}`,
  );
  return {
    title: "Steps",
    rows: [
      ["steps", String(lastStep)],
      [
        "samples per step",
        `${samples} = ${share.microBatch} per micro-batch × ${gradAccuSteps * share.perUnit} micro-batch(es) × ${worldSize} process(es)`,
      ],
      ["steps per epoch", perEpoch.join(", ")],
      ...settings.train.lossWeights.map(({ match, weight }): [string, string] => [
        "loss weight",
        `${weight} for rows of ${match.join(", ")}`,
      ]),
      ["learning rate", describeLr(settings.train, samples, lastStep)],
      [
        "moving average",
        ema.enabled ? `decay ${ema.decay ?? 0.9999}${ema.warmup ? ", with warm-up" : ""}` : "none",
      ],
    ],
  };
}

function planModel({ model, optimizer, groups, accelerators }: Engine): PlanSection {
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
      ...groups.map((group, n): [string, string] => [n === 0 ? "groups" : "", describeGroup(group)]),
      ...accelerators.map((one): [string, string] => [`accelerator ${one.name}`, one.describe()]),
    ],
  };
}

/** Weights, gradients and the moving average in float32, and what the optimizer keeps; activations come on top. */
function memory({ model, optimizer, trained: updated }: Engine, hasEma: boolean): string {
  const count = model.parameters.reduce((sum, { shape }) => sum + elements(shape), 0);
  const trained = new Set(model.parameters);
  const frozen = (model.whole ?? []).filter((slot) => !trained.has(slot));
  const still = frozen.reduce((sum, { shape }) => sum + elements(shape), 0);
  const states = bytesOf(optimizer);
  const each =
    states /
    Math.max(
      1,
      updated.reduce((sum, { shape }) => sum + elements(shape), 0),
    );
  const total = count * 4 * (hasEma ? 3 : 2) + states + still * 4;
  return `${formatBytes(total)}, of that ${formatBytes(states)} optimizer state (${each.toFixed(each < 3 ? 2 : 1)} bytes per parameter), activations on top`;
}

function bytesOf(optimizer: Engine["optimizer"]): number {
  const tensors = Object.values(optimizer.state().tensors);
  return tensors.reduce((sum, { numel, dtype }) => sum + numel * dtypeBytes(dtype), 0);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
