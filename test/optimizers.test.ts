import { OPTIMIZER, type Optimizer, type OptimizerHook, type PluginDefinition, patternOf } from "@hyfw/core";
import { PLAIN_FACTS } from "@hyfw/core/optimizer";
import { dtypeBytes, fromTypedArray, full, live, noGrad, Scope, tidy } from "@hyfw/native";
import { Parameter, xavierUniformInit } from "@hyfw/nn";
import adafactor from "@hyfw/plugin-optimizer-adafactor";
import adamw from "@hyfw/plugin-optimizer-adamw";
import adamw8bit from "@hyfw/plugin-optimizer-adamw-8bit";
import lion from "@hyfw/plugin-optimizer-lion";
import prodigy from "@hyfw/plugin-optimizer-prodigy";
import scheduleFree from "@hyfw/plugin-optimizer-schedule-free";
import t from "tap";
import {
  type PlainArray,
  type PlainStep,
  plainAdafactor,
  plainAdamw,
  plainLion,
  plainProdigy,
  plainQuantise,
  plainScheduleFree,
} from "./plain-optimizers.js";

const BETAS = [0.8, 0.9] as const;
const ALPHA = { betas: [...BETAS], eps: 1e-6, weightDecay: 0.1 };

interface Case {
  readonly name: string;
  readonly plugin: PluginDefinition;
  readonly options: Readonly<Record<string, unknown>>;
  readonly plain: PlainStep;
  /** How far a weight may be from the plain one, in learning rates. */
  readonly off: number;
  /** Bytes per number of a large matrix. */
  readonly bytes: number;
}

const CASES: readonly Case[] = [
  { name: "AdamW", plugin: adamw, options: ALPHA, plain: plainAdamw(BETAS, 1e-6), off: 1e-3, bytes: 8 },
  {
    name: "Lion",
    plugin: lion,
    options: { betas: [...BETAS], weightDecay: 0.1 },
    plain: plainLion(BETAS),
    off: 1e-3,
    bytes: 4,
  },
  {
    name: "Adafactor",
    plugin: adafactor,
    options: { weightDecay: 0.1, clipThreshold: 0.7 },
    plain: plainAdafactor({ decayRate: 0.8, clip: 0.7, beta1: 0, scaleByWeights: false }),
    off: 1e-3,
    bytes: (4 * (64 + 96)) / (64 * 96),
  },
  {
    name: "Adafactor with a running mean, by the size of weights",
    plugin: adafactor,
    options: { weightDecay: 0.1, beta1: 0.9, scaleByWeights: true },
    plain: plainAdafactor({ decayRate: 0.8, clip: 1, beta1: 0.9, scaleByWeights: true }),
    off: 1e-3,
    bytes: 4 + (4 * (64 + 96)) / (64 * 96),
  },
  {
    name: "schedule-free AdamW",
    plugin: scheduleFree,
    options: ALPHA,
    plain: plainScheduleFree(BETAS, 1e-6),
    off: 1e-3,
    bytes: 8,
  },
  {
    name: "Prodigy",
    plugin: prodigy,
    options: { ...ALPHA, d0: 0.01 },
    plain: plainProdigy(BETAS, 1e-6, 0.01),
    // Its steps are the learning rate times an estimate of about 0.01.
    off: 1e-5,
    bytes: 16,
  },
  {
    name: "8-bit AdamW",
    plugin: adamw8bit,
    options: { ...ALPHA, leastNumbers: 1 },
    plain: plainAdamw(BETAS, 1e-6, plainQuantise),
    // A number halfway between two codes may go to either: that is the distance of two codes, in a few weights.
    off: 0.02,
    bytes: 2 + 8 / 256,
  },
];

const BIRTH = { device: "cpu", seed: 1 } as const;
const SHAPES: readonly (readonly [name: string, shape: readonly number[], decays: boolean])[] = [
  ["fc.weight", [20, 31], true],
  ["patch.weight", [5, 3, 2, 2], true],
  ["norm.weight", [7], false],
  ["row.weight", [1, 9], true],
];

const makeSlots = (shapes = SHAPES): Parameter[] =>
  shapes.map(
    ([name, shape, decays]) =>
      new Parameter(name, shape, xavierUniformInit, BIRTH, { decays, castable: decays }),
  );

async function hookOf(plugin: PluginDefinition, options: unknown): Promise<OptimizerHook> {
  const found: OptimizerHook[] = [];
  await plugin.setup({
    options: plugin.options.parse(options),
    seed: 1,
    modelRoot: "",
    provide: (_token, value) => found.push(value as OptimizerHook),
    need: () => {
      throw new Error("an optimizer needs nothing");
    },
    onClose: () => undefined,
  });
  const [hook] = found;
  if (hook === undefined) throw new Error(`${plugin.name} provides no ${OPTIMIZER.key.toString()}`);
  return hook;
}

const gradients = (slots: readonly Parameter[], round: number): Float64Array[] =>
  slots.map(({ storage }, n) =>
    Float64Array.from({ length: storage.numel }, (_, i) =>
      // Of very different sizes, and some are 0.
      i % 11 === 10 ? 0 : Math.sin(n + 2.3 * round + 1.1 * i) * 10 ** -(i % 4),
    ),
  );

async function step(
  slots: readonly Parameter[],
  optimizer: Optimizer,
  { round, lr }: { readonly round: number; readonly lr: number },
): Promise<void> {
  using scope = new Scope();
  const gradScale = scope.run(() => {
    for (const [n, grad] of gradients(slots, round).entries()) {
      const slot = slots[n];
      slot?.storage.setGrad(fromTypedArray(Float32Array.from(grad), slot.shape));
    }
    return full([], 0.25);
  });
  await optimizer.step({ lr, gradScale });
  for (const { storage } of slots) storage.setGrad(undefined);
}

for (const { name, plugin, options, plain, off, bytes } of CASES) {
  t.test(`${name}: steps are those of its paper written out in double precision`, async (t) => {
    const slots = makeSlots();
    const optimizer = (await hookOf(plugin, options)).create(slots, PLAIN_FACTS);
    const arrays = slots.map(
      ({ storage, shape, decays }): PlainArray => ({
        weights: Float64Array.from(storage.toArray()),
        shape,
        decay: decays ? 0.1 : 0,
        kept: new Map(),
      }),
    );
    const shared = new Map<string, number>();
    for (const round of [1, 2, 3, 4, 5]) {
      const lr = 0.01 * round;
      await step(slots, optimizer, { round, lr });
      const grads = gradients(slots, round).map((grad) => grad.map((one) => Math.fround(one) * 0.25));
      plain(arrays, grads, { t: round, lr, shared });
      for (const [n, { weights }] of arrays.entries())
        for (const [i, found] of (slots[n]?.storage.toArray() ?? []).entries()) {
          const distance = Math.abs(found - (weights[i] ?? Number.NaN)) / lr;
          if (!(distance < off))
            t.fail(`step ${round}, ${SHAPES[n]?.[0]} ${i}: off by ${distance} learning rates`);
        }
    }
    const averageOf = optimizer.averageOf?.bind(optimizer);
    if (averageOf !== undefined)
      for (const [n, slot] of slots.entries())
        tidy(() =>
          noGrad(() => {
            const x = arrays[n]?.kept.get("x");
            for (const [i, one] of averageOf(slot).toArray().entries())
              if (!(Math.abs(one - (x?.[i] ?? Number.NaN)) < 2e-6))
                t.fail(`average ${n} ${i}: ${one}, ${x?.[i]}`);
          }),
        );
    t.equal(averageOf !== undefined, name.startsWith("schedule-free"));
    t.match(optimizer.describe(), /weight decay 0\.1 on 3 of 4 tensors/);
  });

  t.test(`${name}: a saved state goes on bit for bit, and leaves no tensor behind`, async (t) => {
    const hook = await hookOf(plugin, options);
    const [straight, stopped] = [makeSlots(), makeSlots()];
    const one = hook.create(straight, PLAIN_FACTS);
    let two = hook.create(stopped, PLAIN_FACTS);
    for (const round of [1, 2, 3, 4]) {
      await step(straight, one, { round, lr: 0.02 });
      if (round === 3) {
        const before = two;
        two = hook.create(stopped, PLAIN_FACTS);
        two.restore(before.state());
        t.throws(() => two.restore({ tensors: {}, counters: {} }), { code: "HYFW_OPTIMIZER_STATE" });
      }
      await step(stopped, two, { round, lr: 0.02 });
    }
    for (const [n, { storage }] of straight.entries())
      t.same(stopped[n]?.storage.toArray(), storage.toArray(), `${n}`);
    const before = live();
    await step(straight, one, { round: 5, lr: 0.02 });
    t.equal(live(), before, "tensors after another step");
    using scope = new Scope();
    const gradScale = scope.run(() => full([], 1));
    await t.rejects(one.step({ lr: 0.1, gradScale }), {
      code: "HYFW_OPTIMIZER_GRADIENT",
      message: /4 of 4 .* fc\.weight/,
    });
  });

  t.test(`${name}: takes the bytes per parameter that its documentation says, on meta too`, async (t) => {
    const large: typeof SHAPES = [["fc.weight", [64, 96], true]];
    const hook = await hookOf(plugin, options);
    const meta = new Parameter(
      "fc.weight",
      [64, 96],
      xavierUniformInit,
      { device: "meta", seed: 1 },
      {
        decays: true,
        castable: true,
      },
    );
    for (const slots of [makeSlots(large), [meta]]) {
      const { tensors } = hook.create(slots, PLAIN_FACTS).state();
      const held = Object.values(tensors).reduce(
        (sum, { numel, dtype }) => sum + numel * dtypeBytes(dtype),
        0,
      );
      t.equal(held / (64 * 96), bytes);
    }
  });

  t.test(`${name}: a group has a rate and a decay of its own`, async (t) => {
    const hook = await hookOf(plugin, options);
    t.equal(hook.takesRules, true);
    const isOwn = patternOf("norm.*");
    const run = async (lr: number | undefined): Promise<number[][]> => {
      const slots = makeSlots();
      const ruleOf = (slot: { name: string }) =>
        lr !== undefined && isOwn.test(slot.name) ? { lr, weightDecay: 0.5 } : { lr: 1 };
      const optimizer = hook.create(slots, { ...PLAIN_FACTS, ruleOf });
      await step(slots, optimizer, { round: 1, lr: 0.02 });
      if (lr !== undefined) t.match(optimizer.describe(), /weight decay 0\.1 and 0\.5 on 4 of 4 tensors/);
      return slots.map(({ storage }) => storage.toArray());
    };
    const [usual, grouped, still] = [await run(undefined), await run(2), await run(0)];
    t.same(grouped[0], usual[0], "what is in no group is updated as ever");
    t.notSame(grouped[2], usual[2]);
    t.same(still[2], makeSlots()[2]?.storage.toArray(), "a factor of 0 leaves a tensor as it is");
  });
}

t.test("small tensors keep float32 states beside those in 8 bits", async (t) => {
  const slots = makeSlots();
  const hook = await hookOf(adamw8bit, { ...ALPHA, leastNumbers: 60 });
  const optimizer = hook.create(slots, PLAIN_FACTS);
  const types = Object.entries(optimizer.state().tensors).map(([name, { dtype }]) => `${name} ${dtype}`);
  t.ok(types.includes("fc.weight.exp_avg_codes uint8") && types.includes("norm.weight.exp_avg float32"));
  t.match(optimizer.describe(), /2 of 4 tensors in 8 bits/);
});

t.test("8-bit AdamW stays near AdamW over many steps, and no step is unbounded", async (t) => {
  const shapes: typeof SHAPES = [["fc.weight", [16, 32], true]];
  const run = async (plugin: PluginDefinition, options: object): Promise<number[]> => {
    const slots = makeSlots(shapes);
    const optimizer = (await hookOf(plugin, options)).create(slots, PLAIN_FACTS);
    for (let round = 1; round <= 60; round++) await step(slots, optimizer, { round, lr: 1e-3 });
    return slots[0]?.storage.toArray() ?? [];
  };
  const start = makeSlots(shapes)[0]?.storage.toArray() ?? [];
  const exact = await run(adamw, {});
  const coded = await run(adamw8bit, { leastNumbers: 1 });
  const distance = (a: readonly number[], b: readonly number[]): number =>
    Math.sqrt(a.reduce((sum, one, i) => sum + (one - (b[i] ?? Number.NaN)) ** 2, 0));
  const moved = distance(exact, start);
  const ratio = distance(coded, exact) / moved;
  t.comment(`off by ${(100 * ratio).toFixed(2)} % of the way that AdamW went`);
  t.ok(ratio < 0.1);
});
