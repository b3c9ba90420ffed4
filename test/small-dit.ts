import {
  ACCELERATOR,
  type Accelerator,
  type LoadedRun,
  MODEL,
  type Model,
  openRun,
  resolveSettings,
  type Values,
} from "@hyfw/core";
import { chooseTrained, Executor } from "@hyfw/core/engine";
import {
  keyedNormal,
  memoryStats,
  noGrad,
  resetMemoryPeak,
  Scope,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from "@hyfw/native";

/** Settings of a small HunyuanDiT that needs no files. */
export const SMALL = [
  "run.threads=2",
  "plugins.latents-pixel={}",
  "plugins.text-characters={textStatesDim: 32, textStatesDimT5: 32, textLen: 16, textLenT5: 24, buckets: 64}",
  "plugins.model-hunyuan-dit={model: custom, hiddenSize: 96, depth: 8, numHeads: 4, mlpRatio: 4, learnSigma: false}",
  "plugins.optimizer-adamw={}",
];

/** What one walk over the small model gave. */
export interface SmallWalk {
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Float32Array>>;
  /** Bytes of CPU tensors at most, beside the weights. */
  readonly peak: number;
  readonly described: readonly string[];
}

/** Opens a run of the small model with more settings on top. */
export async function openSmall(sets: readonly string[]): Promise<LoadedRun> {
  const resolved = await resolveSettings({ cwd: process.cwd(), config: false, sets: [...SMALL, ...sets] });
  return openRun(resolved, { required: [MODEL] });
}

/** Numbers that depend on the name only, on the CPU, outside of every scope. */
export function numbersFor(name: string, shape: readonly number[], scale = 1): Tensor {
  const low = [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0, 7);
  return tidy(() =>
    noGrad(() =>
      keyedNormal([{ low, high: 1 }], shape)
        .reshape(shape)
        .mul(scale),
    ),
  ).keep();
}

/** Gives every weight numbers, so that no gradient is 0 because of how a model begins. */
function stir({ parameters, whole = [] }: Model): void {
  for (const { name, storage, shape } of new Set([...whole, ...parameters])) {
    const isNorm = /norm\d?\.weight$/.test(name);
    const made = numbersFor(name, shape, 0.08);
    tidy(() => noGrad(() => storage.copy_(isNorm ? made.add(1) : made)));
    made.dispose();
  }
}

/** Real values of the shapes that the model outlines. */
export function valuesOf(
  model: Model,
  samples: number,
  resolution: { height: number; width: number },
): Values {
  using scope = new Scope();
  const outline = scope.run(() => model.outline?.(samples, resolution) ?? {});
  return Object.fromEntries(
    Object.entries(outline).map(([name, { shape, dtype }]) => {
      const size = shape.reduce((product, side) => product * side, 1);
      if (dtype === "int64")
        return [
          name,
          tensor(
            BigInt64Array.from({ length: size }, (_, n) => BigInt(n % 50)),
            shape,
            { dtype },
          ).keep(),
        ];
      if (dtype === "bool")
        return [
          name,
          tensor(
            Array.from({ length: size }, (_, n) => (n % 3 === 0 ? 0 : 1)),
            shape,
            { dtype },
          ).keep(),
        ];
      return [name, numbersFor(name, shape)];
    }),
  );
}

/** The model of a run with numbers in every weight, and with what of it is trained. */
export function buildSmall(run: LoadedRun): Model {
  const facts = { device: "cpu", seed: 1 } as const;
  const model = chooseTrained(run, run.get(MODEL).build(facts), facts);
  stir(model);
  return model;
}

/** Accelerators of a run, prepared. */
export async function acceleratorsOf(run: LoadedRun, model: Model): Promise<Accelerator[]> {
  const accelerators = run.getAll(ACCELERATOR);
  for (const one of accelerators) await one.prepare?.(model, { device: "cpu", rank: 0, worldSize: 1 });
  return accelerators;
}

/** One forward and backward of the small model under the settings. */
export async function walkSmall(
  sets: readonly string[],
  { samples = 2, resolution = { height: 16, width: 16 } } = {},
): Promise<SmallWalk> {
  const run = await openSmall(sets);
  const model = buildSmall(run);
  const accelerators = await acceleratorsOf(run, model);
  const values = valuesOf(model, samples, resolution);
  using scope = new Scope();
  try {
    const before = memoryStats("cpu")?.held ?? Number.NaN;
    resetMemoryPeak("cpu");
    const { loss } = await new Executor(model.segments, accelerators).train({
      values,
      loss: (output) => {
        const prediction = Object.values(output)[0] ?? zeros([1]);
        const perSample = prediction.float().square().mean([1, 2, 3]);
        return { mean: perSample.mean(), perSample: perSample.detach(), parts: {} };
      },
      scale: 1,
      scope,
    });
    const peak = (memoryStats("cpu")?.peak ?? Number.NaN) - before;
    const gradients = Object.fromEntries(
      model.parameters.map(({ name, storage }) => [
        name,
        Float32Array.from(tidy(() => storage.grad?.toArray() ?? [])),
      ]),
    );
    return { loss: loss.mean.item(), gradients, peak, described: accelerators.map((one) => one.describe()) };
  } finally {
    for (const one of Object.values(values)) one.dispose();
    for (const { storage } of new Set([...(model.whole ?? []), ...model.parameters])) storage.dispose();
    await run.close();
  }
}

/** The largest difference of two walks' gradients, each array's in units of its largest element. */
export function differenceOf(a: SmallWalk, b: SmallWalk): number {
  let most = 0;
  for (const [name, ours] of Object.entries(a.gradients)) {
    const others = b.gradients[name];
    if (others === undefined || others.length !== ours.length || ours.length === 0) return Number.NaN;
    const scale = ours.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    if (scale === 0) continue;
    for (const [n, value] of ours.entries())
      most = Math.max(most, Math.abs(value - (others[n] ?? 0)) / scale);
  }
  return most;
}
