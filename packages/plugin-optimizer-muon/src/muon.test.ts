import type { ParameterSlot } from "@hyfw/core";
import { PLAIN_FACTS } from "@hyfw/core/optimizer";
import { fromTypedArray, full, live, Scope, type Tensor } from "@hyfw/native";
import { kaimingUniformInit, Parameter } from "@hyfw/nn";
import t from "tap";
import { Muon } from "./muon.js";
import { MuonOptions } from "./options.js";
import { orthogonalised } from "./orthogonal.js";

type Matrix = number[][];

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) =>
    (b[0] ?? []).map((_, j) => row.reduce((sum, value, k) => sum + value * (b[k]?.[j] ?? 0), 0)),
  );
const transposed = (a: Matrix): Matrix => (a[0] ?? []).map((_, j) => a.map((row) => row[j] ?? 0));
const combine = (a: Matrix, x: number, b: Matrix, y: number): Matrix =>
  a.map((row, i) => row.map((value, j) => x * value + y * (b[i]?.[j] ?? 0)));

/** The iteration written out in double precision. */
function plainOrthogonal(update: Matrix, iterations: number): Matrix {
  if (update.length > (update[0] ?? []).length)
    return transposed(plainOrthogonal(transposed(update), iterations));
  const norm = Math.sqrt(update.flat().reduce((sum, value) => sum + value * value, 0)) + 1e-7;
  let x = update.map((row) => row.map((value) => value / norm));
  for (let step = 0; step < iterations; step++) {
    const gram = product(x, transposed(x));
    const mixed = combine(gram, -4.775, product(gram, gram), 2.0315);
    x = combine(x, 3.4445, product(mixed, x), 1);
  }
  return x;
}

function counted(rows: number, columns: number, seed: number): Matrix {
  return Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_unused, j) => Math.sin(seed + 3 * i + 7 * j + i * j)),
  );
}

const tensorOf = (matrix: Matrix): Tensor =>
  fromTypedArray(Float32Array.from(matrix.flat()), [matrix.length, (matrix[0] ?? []).length]);

const far = (found: readonly number[], expected: readonly number[]): number =>
  found.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? Number.NaN))), 0);

t.test(
  "the direction is that of the iteration written out, wide and tall, one by one in a stack",
  async (t) => {
    for (const [rows, columns] of [
      [4, 7],
      [7, 4],
      [5, 5],
    ] as const) {
      using scope = new Scope();
      scope.run(() => {
        const matrices = [counted(rows, columns, 1), counted(rows, columns, 2)];
        const stacked = fromTypedArray(Float32Array.from(matrices.flat(2)), [2, rows, columns]);
        const found = orthogonalised(stacked, 5);
        t.same(found.shape, [2, rows, columns]);
        for (const [index, matrix] of matrices.entries())
          t.ok(far(found.select(0, index).toArray(), plainOrthogonal(matrix, 5).flat()) < 1e-4);
      });
    }
  },
);

const traits = { decays: true, castable: true };

/** Slots as a model has them: two matrices of one shape, one that is excluded, a bias. */
function makeSlots(): Parameter[] {
  const birth = { device: "cpu", seed: 1 } as const;
  return [
    new Parameter("blocks.0.fc.weight", [4, 6], kaimingUniformInit, birth, traits),
    new Parameter("blocks.0.fc.bias", [4], kaimingUniformInit, birth, { decays: false, castable: true }),
    new Parameter("blocks.1.fc.weight", [4, 6], kaimingUniformInit, birth, traits),
    new Parameter("final_layer.linear.weight", [3, 4], kaimingUniformInit, birth, traits),
  ];
}

function giveGradients(slots: readonly ParameterSlot[], round: number): void {
  for (const [index, { shape, storage }] of slots.entries()) {
    const [rows = 1, columns = 1] = shape.length === 2 ? shape : [1, shape[0]];
    const gradient = tensorOf(counted(rows, columns, 10 * round + index));
    storage.setGrad(gradient.reshape(shape));
  }
}

const step = async (muon: Muon, lr: number): Promise<void> => {
  using scope = new Scope();
  const gradScale = scope.run(() => full([], 0.5));
  await muon.step({ lr, gradScale });
};

t.test("matrices move by the rule written out; the excluded one and the bias by AdamW's", async (t) => {
  const before = live();
  using scope = new Scope();
  const slots = scope.run(makeSlots);
  const muon = new Muon(slots, MuonOptions.parse({ weightDecay: 0.1 }), PLAIN_FACTS);
  const first = slots[0]?.storage.toArray() ?? [];
  const head = slots[3]?.storage.toArray() ?? [];
  let momentum = counted(4, 6, 0).map((row) => row.map(() => 0));
  let expected = [...first];
  const lr = 0.01;
  for (const round of [1, 2, 3]) {
    scope.run(() => giveGradients(slots, round));
    await step(muon, lr);
    const gradient = counted(4, 6, 10 * round).map((row) => row.map((value) => value * 0.5));
    momentum = combine(momentum, 0.95, gradient, 1);
    const direction = plainOrthogonal(combine(gradient, 1, momentum, 0.95), 5).flat();
    const size = lr * 0.2 * Math.sqrt(6);
    expected = expected.map((value, i) => value * (1 - lr * 0.1) - size * (direction[i] ?? 0));
  }
  t.ok(far(slots[0]?.storage.toArray() ?? [], expected) < 1e-4);
  // AdamW's first steps move every element by about lr.
  const moved = (slots[3]?.storage.toArray() ?? []).map((value, i) => Math.abs(value - (head[i] ?? 0)));
  t.ok(Math.max(...moved) < 3.2 * lr && Math.max(...moved) > 0.5 * lr);
  t.match(muon.describe(), /Muon on 2 matrices .* AdamW on 2 tensors, weight decay 0\.1/);
  muon.dispose();
  for (const tensor of Object.values(muon.state().tensors)) tensor.dispose();
  for (const slot of slots) {
    slot.storage.setGrad(undefined);
    slot.dispose();
  }
  scope.dispose();
  t.equal(live(), before, "nothing is left");
});

t.test("restored state goes on bit for bit; foreign state is refused", async (t) => {
  using scope = new Scope();
  const [straight, stopped] = [scope.run(makeSlots), scope.run(makeSlots)];
  const one = new Muon(straight, MuonOptions.parse({}), PLAIN_FACTS);
  let two = new Muon(stopped, MuonOptions.parse({}), PLAIN_FACTS);
  for (const round of [1, 2, 3, 4]) {
    scope.run(() => {
      giveGradients(straight, round);
      giveGradients(stopped, round);
    });
    await step(one, 0.01);
    if (round === 3) {
      const saved = two.state();
      two = new Muon(stopped, MuonOptions.parse({}), PLAIN_FACTS);
      two.restore(saved);
    }
    await step(two, 0.01);
  }
  for (const [index, { storage }] of straight.entries())
    t.same(stopped[index]?.storage.toArray(), storage.toArray());
  t.throws(() => two.restore({ tensors: {}, counters: {} }), { code: "HYFW_OPTIMIZER_STATE" });
  straight[2]?.storage.setGrad(undefined);
  await t.rejects(step(one, 0.01), { code: "HYFW_OPTIMIZER_GRADIENT", message: /blocks\.1\.fc\.weight/ });
});

t.test("stretches of parameters are refused: no update of AdamW passes for Muon's", async (t) => {
  const flat = new Parameter("stretch.0", [24], kaimingUniformInit, { device: "cpu", seed: 1 }, traits);
  t.throws(() => new Muon([flat], MuonOptions.parse({}), PLAIN_FACTS), { code: "HYFW_MUON_MATRICES" });
  flat.dispose();
});
