import { type DeviceName, dtypeBytes, linearKernel, threads, torchVersion } from "@hyfw/native";
import { describeValue } from "../errors/words.js";
import { describeGroup } from "../optimizer/update-rules.js";
import type { Settings } from "../settings/schema.js";
import type { Engine } from "./build-engine.js";
import type { LoadedRun } from "./container.js";
import { describeLr } from "./lr-schedule.js";
import type { OpenData } from "./open-data.js";
import type { PlanSection } from "./plan.js";
import { formatBytes } from "./progress.js";
import { mixedEpochUnits, type OpenPhase, type OrderFacts, orderOf } from "./unit-places.js";
import type { ValidationRows } from "./validation-split.js";
import type { World } from "./world.js";

type PhaseSettings = Settings["phases"][number];

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
    ...planPhases(run, data, world),
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
  const rows: [string, string][] = phases.flatMap((phase) =>
    phase.sources.flatMap((source): [string, string][] => [
      ...source.dataset
        .describe()
        .map((fact, n): [string, string] => [n === 0 ? `phase ${source.name}` : "", fact]),
      ...orderOf(phase, source, 0, order).notes.map((note): [string, string] => ["", note]),
      ...(source.dataset.onBadSample === undefined
        ? []
        : [
            ["", `unreadable rows are replaced, at most ${source.dataset.onBadSample.limit}`] as [
              string,
              string,
            ],
          ]),
    ]),
  );
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
  { phases, order, lastStep }: OpenData,
  { worldSize }: World,
): PlanSection {
  const { gradAccuSteps, ema } = settings.train;
  const [first] = phases;
  const perEpoch = phases.map(
    (phase) => `${phase.name} ${(epochUnits(phase, order) / phase.train.gradAccuSteps).toFixed(1)}`,
  );
  return {
    title: "Steps",
    rows: [
      ["steps", String(lastStep)],
      ["samples per step", first === undefined ? "" : samplesPerStep(first, worldSize)],
      ["steps per epoch", perEpoch.join(", ")],
      ...settings.train.lossWeights.map(({ match, weight }): [string, string] => [
        "loss weight",
        `${weight} for rows of ${match.join(", ")}`,
      ]),
      ["learning rate", describeLr(settings.train, order.unitSize * gradAccuSteps, lastStep)],
      [
        "moving average",
        ema.enabled ? `decay ${ema.decay ?? 0.9999}${ema.warmup ? ", with warm-up" : ""}` : "none",
      ],
    ],
  };
}

function samplesPerStep({ unitSize, share, train }: OpenPhase, worldSize: number): string {
  return `${unitSize * train.gradAccuSteps} = ${share.microBatch} per micro-batch × ${train.gradAccuSteps * share.perUnit} micro-batch(es) × ${worldSize} process(es)`;
}

function epochUnits(phase: OpenPhase, order: OrderFacts): number {
  const [source] = phase.sources;
  if (phase.isMixed || source === undefined) return mixedEpochUnits(phase);
  return orderOf(phase, source, 0, order).units;
}

/** One section per phase where there are several, a mix, or settings of its own: its steps and what it has otherwise. */
function planPhases(
  { settings }: LoadedRun,
  { phases, order }: OpenData,
  { worldSize }: World,
): PlanSection[] {
  const isPlain = ({ isMixed }: OpenPhase, n: number): boolean => {
    const { train = {}, plugins = {} } = settings.phases[n] ?? {};
    return !isMixed && Object.keys(train).length === 0 && Object.keys(plugins).length === 0;
  };
  if (phases.length === 1 && phases.every(isPlain)) return [];
  let step = 0;
  return phases.map((phase, n) => {
    const first = step + 1;
    step += phase.steps;
    return {
      title: `Phase ${phase.name}`,
      rows: [
        ["steps", `${first} to ${step}: ${phase.steps} step(s), ${phase.epochs} epoch(s) at most`],
        ...mixRows(phase),
        ["samples per step", samplesPerStep(phase, worldSize)],
        [
          "learning rate",
          phase.hasOwnLr
            ? `${describeLr(phase.train, phase.unitSize * phase.train.gradAccuSteps, phase.steps)} of the phase`
            : "the run's",
        ],
        ...passedOver(phase, order),
        ...overrides(settings.phases[n]),
      ] as const,
    };
  });
}

/** Share, units of an epoch and use of each picture, for every data set of a mixed phase. */
function mixRows(phase: OpenPhase): [string, string][] {
  if (!phase.isMixed) return [];
  const units = mixedEpochUnits(phase);
  return phase.sources.map(({ name, share, dataset }): [string, string] => {
    const samples = share * units * phase.unitSize;
    return [
      `data set ${name}`,
      `${Number((100 * share).toFixed(2))} % of the samples: ${Math.round(samples)} per epoch, each of ${dataset.length} position(s) used ${Number((samples / dataset.length).toFixed(2))} time(s)`,
    ];
  });
}

/** Units at the end of a phase that fill no step; known where the phase is short enough to be counted whole. */
function passedOver(phase: OpenPhase, order: OrderFacts): [string, string][] {
  const [source] = phase.sources;
  if (source === undefined || phase.epochs > 8) return [];
  let units = phase.isMixed ? mixedEpochUnits(phase) * phase.epochs : 0;
  for (let epoch = 0; epoch < phase.epochs && !phase.isMixed; epoch++)
    units += orderOf(phase, source, epoch, order).units;
  const left = Math.min(units, phase.maxUnits) - phase.steps * phase.train.gradAccuSteps;
  return left <= 0 ? [] : [["passed over", `${left} unit(s) at its end that fill no step`]];
}

/** What a phase has otherwise than the run, setting by setting. */
function overrides({
  train = {},
  data = {},
  plugins = {},
  mix = [],
}: Partial<PhaseSettings> = {}): [string, string][] {
  const lines = (prefix: string, tree: Readonly<Record<string, unknown>>): [string, string][] =>
    Object.entries(tree).map(([name, value]) => [`${prefix}.${name}`, describeValue(value)]);
  return [
    ...lines("train", train),
    ...lines("data", data),
    ...lines("plugins", plugins),
    ...mix.flatMap((source) => [
      ...lines(`${source.name}: data`, source.data),
      ...lines(`${source.name}: plugins`, source.plugins ?? {}),
    ]),
  ];
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
