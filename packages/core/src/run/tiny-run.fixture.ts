import { Writable } from "node:stream";
import { noGrad, type Tensor, tidy, zeros } from "@hyfw/native";
import { z } from "zod";
import type { CommandIo } from "../cli/command.js";
import { ACCELERATOR, type Accelerator } from "../hooks/accelerator.js";
import { AUGMENTER, type Augmenter } from "../hooks/augmenter.js";
import { type BadSamplePolicy, DATASET, type Dataset } from "../hooks/dataset.js";
import { MODEL, type ParameterSlot } from "../hooks/model.js";
import { OPTIMIZER, type Optimizer } from "../hooks/optimizer.js";
import { SAMPLER, type SamplerHook } from "../hooks/sampler.js";
import type { Token } from "../hooks/tokens.js";
import { definePlugin, type PluginContext } from "../plugin/define-plugin.js";
import type { ResolvedPlugin, ResolvedSettings } from "../preset/resolve.js";
import { resolveSettings } from "../preset/resolve.js";
import { openRun } from "./container.js";
import { diceKey, rngFromKey } from "./dice.js";
import { RUN_EVENTS, type RunListener } from "./events.js";
import { tinyModel } from "./tiny-model.fixture.js";
import { runTraining } from "./train.js";

/** What a tiny run may have in other ways than usual. */
export interface TinyParts {
  /** A phase's `data.rows` goes before. */
  readonly rows?: number;
  readonly onBadSample?: BadSamplePolicy;
  /** Called for each row that is read; may throw. */
  readonly onRead?: (position: number) => void;
  readonly accelerators?: readonly Accelerator[];
  /** Behind the one that mirrors pictures. */
  readonly augmenters?: readonly Augmenter[];
  readonly listener?: RunListener;
  readonly model?: typeof tinyModel;
}

/** Rows of one colour each in two buckets, 4x8 and 8x4. */
export function tinyDataset({ rows = 20, onRead, onBadSample }: TinyParts = {}): Dataset {
  const half = Math.ceil(rows / 2);
  const range = (from: number, to: number) =>
    Uint32Array.from({ length: to - from }, (_unused, n) => from + n);
  return {
    name: "tiny",
    fingerprint: `tiny-${rows}`,
    length: rows,
    buckets: [
      { resolution: { height: 4, width: 8 }, positions: range(0, half) },
      { resolution: { height: 8, width: 4 }, positions: range(half, rows) },
    ],
    describe: () => [`${rows} generated rows`],
    row: async (position) => ({
      position,
      id: `row-${position}`,
      arrowFile: "tiny.arrow",
      rowInFile: position,
      texts: { text_zh: `第 ${position} 张` },
      tags: {},
      size: { height: 8, width: 8 },
      imageBytes: 1,
    }),
    geometry: (_row, resolution) => ({
      resized: resolution,
      crop: { top: 0, left: 0 },
      resolution,
      flip: false,
    }),
    readPixels: async ({ position }, _geometry, out) => {
      onRead?.(position);
      // Later rows are ready sooner, so that order does not come by itself.
      for (let turn = position % 5; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      const rng = rngFromKey(diceKey(0, 0, `${position}`, "pixels"));
      const colour = [rng.int(256), rng.int(256), rng.int(256)];
      for (let n = 0; n < out.length; n++) out[n] = colour[n % 3] ?? 0;
    },
    ...(onBadSample !== undefined && { onBadSample }),
    close: async () => undefined,
  };
}

/** Units of each bucket in a keyed order; leftovers are dropped. */
export const tinySampler: SamplerHook = {
  order: ({ buckets, seed, unitSize }, epoch) => {
    const units = buckets.flatMap(({ resolution, positions }) => {
      const rng = rngFromKey(diceKey(seed, epoch, `${resolution.height}`, "order"));
      const mixed = [...positions]
        .map((position) => [rng.uniform(), position] as const)
        .sort(([a], [b]) => a - b)
        .map(([, position]) => position);
      const count = Math.floor(mixed.length / unitSize);
      return Array.from({ length: count }, (_unused, n) => ({
        resolution,
        positions: Uint32Array.from(mixed.slice(n * unitSize, (n + 1) * unitSize)),
      }));
    });
    const order = [...units.keys()].sort((a, b) => ((a * 7 + epoch) % 5) - ((b * 7 + epoch) % 5) || a - b);
    return {
      units: units.length,
      unit: (index) =>
        units[order[index] ?? -1] ?? { resolution: { height: 0, width: 0 }, positions: new Uint32Array() },
      notes: [],
    };
  },
};

/** Momentum: v ← 0.9·v + g, w ← w - lr·v; enough state to see whether it is saved. */
export function tinyOptimizer(parameters: readonly ParameterSlot[]): Optimizer {
  const moments = new Map<ParameterSlot, Tensor>(
    parameters.map((slot) => [slot, zeros(slot.shape, { device: slot.storage.device }).keep()]),
  );
  let steps = 0;
  return {
    step: async ({ lr, gradScale }) => {
      steps += 1;
      tidy(() =>
        noGrad(() => {
          for (const [{ storage, name }, moment] of moments) {
            if (storage.grad === undefined) throw new Error(`${name} has no gradient`);
            moment.mul_(0.9).add_(storage.grad.mul(gradScale));
            storage.add_(moment, -lr);
          }
        }),
      );
    },
    state: () => ({
      tensors: Object.fromEntries([...moments].map(([{ name }, moment]) => [`${name}.momentum`, moment])),
      counters: { steps },
    }),
    restore: ({ tensors, counters }) => {
      tidy(() =>
        noGrad(() => {
          for (const [{ name }, moment] of moments) {
            const saved = tensors[`${name}.momentum`];
            if (saved === undefined) throw new Error(`${name} has no saved momentum`);
            moment.copy_(saved);
          }
        }),
      );
      steps = counters.steps ?? 0;
    },
    describe: () => "momentum 0.9",
  };
}

function plugin(
  name: string,
  provides: readonly Token<unknown>[],
  setup: (context: PluginContext<unknown>) => void,
): ResolvedPlugin {
  const options = z.strictObject({});
  const definition = definePlugin({ name, version: "1.0.0", core: "*", options, provides, setup });
  const origin = { layer: "set", name: `--set plugins.${name}={}`, value: {} } as const;
  return { name, definition, file: `/${name}.js`, origin, options: {} };
}

/** Checked settings of a tiny run whose plugins live in this file. */
export async function tinySettings(
  cwd: string,
  sets: readonly string[],
  parts: TinyParts = {},
): Promise<ResolvedSettings> {
  const resolved = await resolveSettings({ cwd, config: false, sets: ["run.threads=1", ...sets] });
  const { accelerators = [], augmenters = [], listener, model = tinyModel } = parts;
  const plugins = [
    plugin("tiny-data", [DATASET], ({ provide }) =>
      provide(DATASET, {
        open: async ({ options: { rows } }) =>
          tinyDataset({ ...parts, ...(typeof rows === "number" && { rows }) }),
      }),
    ),
    plugin("tiny-order", [SAMPLER], ({ provide }) => provide(SAMPLER, tinySampler)),
    plugin("tiny-flip", [AUGMENTER], ({ provide }) =>
      provide(AUGMENTER, {
        name: "tiny-flip",
        purposes: ["tiny/flip"],
        augment: (sample, dice) => ({
          ...sample,
          geometry: { ...sample.geometry, flip: dice.stream("tiny/flip").uniform() < 0.5 },
        }),
      }),
    ),
    ...augmenters.map((one) =>
      plugin(`augmenter-${one.name}`, [AUGMENTER], ({ provide }) => provide(AUGMENTER, one)),
    ),
    plugin("tiny-model", [MODEL], ({ provide }) => provide(MODEL, { name: "tiny", build: model })),
    plugin("tiny-momentum", [OPTIMIZER], ({ provide }) =>
      provide(OPTIMIZER, { name: "momentum", create: tinyOptimizer }),
    ),
    ...accelerators.map((one) =>
      plugin(`accelerator-${one.name}`, [ACCELERATOR], ({ provide }) => provide(ACCELERATOR, one)),
    ),
    ...(listener === undefined
      ? []
      : [plugin("listener", [RUN_EVENTS], ({ provide }) => provide(RUN_EVENTS, listener))]),
  ];
  return { ...resolved, plugins };
}

/** What a tiny run printed. */
export interface TinyOutput {
  readonly out: string;
  readonly err: string;
}

/** A terminal that is not one, and what was written to it. */
export function quietIo(cwd: string, signal: AbortSignal = new AbortController().signal) {
  const written = { out: "", err: "" };
  const sink = (key: "out" | "err") =>
    new Writable({
      write: (chunk, _encoding, done) => {
        written[key] += String(chunk);
        done();
      },
    });
  const io: CommandIo = {
    stdout: sink("out"),
    stderr: sink("err"),
    cwd,
    env: {},
    isTerminal: false,
    bold: (text) => text,
    signal,
  };
  return { io, written };
}

/** Trains a tiny run from settings to the closing of everything, as `hyfw train` does. */
export async function trainTiny(
  cwd: string,
  sets: readonly string[],
  { signal, dryRun = false, ...parts }: TinyParts & { signal?: AbortSignal; dryRun?: boolean } = {},
): Promise<TinyOutput> {
  const { io, written } = quietIo(cwd, signal);
  const run = await openRun(await tinySettings(cwd, sets, parts));
  try {
    await runTraining(run, io, { dryRun });
  } finally {
    await run.close();
  }
  return written;
}
