import { PLAIN_FACTS } from "@hyfw/core/optimizer";
import { fromTypedArray, full, Scope } from "@hyfw/native";
import { Parameter, xavierUniformInit } from "@hyfw/nn";
import t from "tap";
import { Adamw } from "./adamw.js";
import { AdamwOptions } from "./options.js";

const BIRTH = { device: "cpu", seed: 1 } as const;

function makeSlots(): Parameter[] {
  return [
    new Parameter("fc.weight", [3, 4], xavierUniformInit, BIRTH, { decays: true, castable: true }),
    new Parameter("norm.weight", [4, 1], xavierUniformInit, BIRTH, { decays: false, castable: false }),
  ];
}

const gradient = (index: number, round: number, length: number): number[] =>
  Array.from({ length }, (_, i) => Math.sin(index + 2.3 * round + 1.1 * i));

async function step(slots: readonly Parameter[], adamw: Adamw, round: number, lr: number): Promise<void> {
  using scope = new Scope();
  const gradScale = scope.run(() => {
    for (const [index, { shape, storage }] of slots.entries()) {
      const length = shape.reduce((product, size) => product * size, 1);
      storage.setGrad(fromTypedArray(Float32Array.from(gradient(index, round, length)), shape));
    }
    return full([], 0.25);
  });
  await adamw.step({ lr, gradScale });
}

for (const decayAll of [false, true])
  t.test(`updates are the formulas written out; ${decayAll ? "all" : "only weights"} decay`, async (t) => {
    const options = AdamwOptions.parse({ betas: [0.8, 0.9], eps: 1e-6, weightDecay: 0.1, decayAll });
    const slots = makeSlots();
    const adamw = new Adamw(slots, options, PLAIN_FACTS);
    const plain = slots.map(({ storage }) => storage.toArray());
    const m = plain.map((row) => row.map(() => 0));
    const v = plain.map((row) => row.map(() => 0));
    for (const round of [1, 2, 3, 4]) {
      const lr = 0.01 * round;
      await step(slots, adamw, round, lr);
      for (const [index, row] of plain.entries()) {
        const grads = gradient(index, round, row.length);
        const decay = decayAll || index === 0 ? 0.1 : 0;
        for (const [i, raw] of grads.entries()) {
          const g = raw * 0.25;
          const [mRow = [], vRow = []] = [m[index], v[index]];
          mRow[i] = 0.8 * (mRow[i] ?? 0) + 0.2 * g;
          vRow[i] = 0.9 * (vRow[i] ?? 0) + 0.1 * g * g;
          const [mean, square] = [(mRow[i] ?? 0) / (1 - 0.8 ** round), (vRow[i] ?? 0) / (1 - 0.9 ** round)];
          row[i] = (row[i] ?? 0) * (1 - lr * decay) - (lr * mean) / (Math.sqrt(square) + 1e-6);
        }
      }
    }
    for (const [index, { storage }] of slots.entries())
      for (const [i, value] of storage.toArray().entries())
        t.ok(Math.abs(value - (plain[index]?.[i] ?? Number.NaN)) < 2e-6, `${index} ${i}`);
    t.match(adamw.describe(), decayAll ? /on 2 of 2 tensors/ : /on 1 of 2 tensors/);
  });

t.test("restored moments go on bit for bit; foreign ones and a missing gradient are refused", async (t) => {
  const [straight, stopped] = [makeSlots(), makeSlots()];
  const options = AdamwOptions.parse({});
  const one = new Adamw(straight, options, PLAIN_FACTS);
  let two = new Adamw(stopped, options, PLAIN_FACTS);
  for (const round of [1, 2, 3]) {
    await step(straight, one, round, 0.01);
    if (round === 2) {
      const saved = two.state();
      two = new Adamw(stopped, options, PLAIN_FACTS);
      two.restore(saved);
    }
    await step(stopped, two, round, 0.01);
  }
  for (const [index, { storage }] of straight.entries())
    t.same(stopped[index]?.storage.toArray(), storage.toArray());
  t.throws(() => two.restore({ tensors: {}, counters: {} }), { code: "HYFW_OPTIMIZER_STATE" });
  straight[1]?.storage.setGrad(undefined);
  using scope = new Scope();
  const gradScale = scope.run(() => full([], 1));
  await t.rejects(one.step({ lr: 0.1, gradScale }), {
    code: "HYFW_OPTIMIZER_GRADIENT",
    message: /norm\.weight/,
  });
});

t.test(
  "a group has a learning rate and a weight decay of its own, which its optimizer follows",
  async (t) => {
    const options = AdamwOptions.parse({ weightDecay: 0.1 });
    const run = async (own: boolean, factor: number): Promise<number[][]> => {
      const slots = makeSlots();
      const rule = { lr: factor, weightDecay: 0.3 };
      const facts = {
        ...PLAIN_FACTS,
        ruleOf: ({ name }: { name: string }) => (name === "norm.weight" && own ? rule : { lr: 1 }),
      };
      const adamw = new Adamw(slots, options, facts);
      for (const round of [1, 2]) await step(slots, adamw, round, 0.01);
      if (own) t.match(adamw.describe(), /weight decay 0\.1 and 0\.3 on 2 of 2 tensors/);
      return slots.map(({ storage }) => storage.toArray());
    };
    const [plain, grouped, still] = [await run(false, 1), await run(true, 2), await run(true, 0)];
    t.same(grouped[0], plain[0], "what is in no group is updated as ever");
    t.notSame(grouped[1], plain[1]);
    t.same(still[1], makeSlots()[1]?.storage.toArray(), "a factor of 0 leaves a tensor as it is");
  },
);
