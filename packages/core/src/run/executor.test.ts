import { backwardSync, keyedNormal, live, noGrad, Scope, type Tensor, tensor } from "@hyfw/native";
import t from "tap";
import type { Accelerator } from "../hooks/accelerator.js";
import type { Model, Prepared, Segment, Values } from "../hooks/model.js";
import { diceKey } from "./dice.js";
import { Executor } from "./executor.js";
import { tinyModel } from "./tiny-model.fixture.js";

const B = 4;

/** Inputs and target of one micro-batch, outside of every scope. */
function makePrepared(): Prepared {
  const keys = (name: string) => Array.from({ length: B }, (_unused, n) => diceKey(1, 0, `${n}`, name));
  return {
    values: { noised: keyedNormal(keys("x"), [96]).keep(), t: tensor([0.1, 0.4, 0.6, 0.9], [B, 1]).keep() },
    timesteps: [],
    forLoss: { target: keyedNormal(keys("y"), [96]).keep() },
  };
}

function gradientsOf(model: Model): Record<string, number[]> {
  using scope = new Scope();
  const found = scope.run(() =>
    model.parameters.map(({ name, storage }) => [name, storage.grad?.toArray() ?? []]),
  );
  for (const { storage } of model.parameters) storage.setGrad(undefined);
  return Object.fromEntries(found);
}

async function walked(
  model: Model,
  prepared: Prepared,
  accelerators: Accelerator[],
): Promise<{ loss: number; gradients: Record<string, number[]> }> {
  using scope = new Scope();
  const executor = new Executor(model.segments, accelerators);
  const { loss } = await executor.train({
    values: prepared.values,
    loss: (output) => model.loss(prepared, output),
    scale: 1,
    scope,
  });
  return { loss: loss.mean.item(), gradients: gradientsOf(model) };
}

/** Recomputes every segment before its backward; keeps nothing but inputs. */
function checkpointing(log: string[] = []): Accelerator {
  return {
    name: "checkpointing",
    duties: ["activations"],
    describe: () => "recomputes",
    aroundForward: (segment, values, { training }, next) => {
      if (!training) return next(values);
      log.push(`forward ${segment.name}`);
      return noGrad(() => next(values));
    },
    aroundBackward: (segment, written, step) => {
      log.push(`backward ${segment.name}`);
      step.replay();
      return step.run(written);
    },
  };
}

/** Counts forwards, and scales and unscales the gradients that pass, which changes nothing. */
function watching(log: string[] = []): Accelerator {
  return {
    name: "watching",
    duties: [],
    describe: () => "watches",
    aroundForward: (segment, values, _facts, next) => {
      log.push(segment.name);
      return next(values);
    },
    aroundBackward: async (_segment, written, step) => {
      const doubled = Object.fromEntries(
        Object.entries(written).map(([name, one]) => [name, one.mul(1).keep()]),
      );
      const read = await step.run(doubled);
      for (const one of Object.values(doubled)) one.dispose();
      return read;
    },
  };
}

t.test("gradients of the walk are those of one graph over the whole model", async (t) => {
  const model = tinyModel({ device: "cpu", seed: 3 });
  const prepared = makePrepared();
  using scope = new Scope();
  const whole = scope.run(() => {
    let current: Values = prepared.values;
    for (const segment of model.segments) current = { ...current, ...segment.run(current) };
    const { mean } = model.loss(prepared, current);
    backwardSync([mean]);
    return mean.item();
  });
  const expected = gradientsOf(model);
  t.ok(
    Object.values(expected).every((one) => one.some((number) => number !== 0)),
    "every parameter has one",
  );
  const { loss, gradients } = await walked(model, prepared, []);
  t.equal(loss, whole, "the same loss");
  // The same operations in the same order; only the sum over readers of `c` may round differently.
  for (const [name, numbers] of Object.entries(expected))
    t.ok(
      numbers.every((number, i) => Math.abs(number - (gradients[name]?.[i] ?? Number.NaN)) < 1e-6),
      name,
    );
});

t.test("any stack of accelerators gives the same gradients as the plain walk", async (t) => {
  const model = tinyModel({ device: "cpu", seed: 3 });
  const prepared = makePrepared();
  const plain = await walked(model, prepared, []);
  const stacks: [string, Accelerator[]][] = [
    ["watching", [watching()]],
    ["checkpointing", [checkpointing()]],
    ["checkpointing inside", [watching(), checkpointing()]],
    ["checkpointing outside", [checkpointing(), watching()]],
    ["three", [watching(), checkpointing(), watching()]],
  ];
  for (const [name, stack] of stacks) t.same(await walked(model, prepared, stack), plain, name);
});

t.test("a replay runs the other accelerators again, and not the one that asks", async (t) => {
  const model = tinyModel({ device: "cpu", seed: 3 });
  const forwards: string[] = [];
  const log: string[] = [];
  await walked(model, makePrepared(), [watching(forwards), checkpointing(log)]);
  const names = model.segments.map(({ name }) => name);
  t.same(forwards, [...names, ...[...names].reverse()]);
  t.same(log, [
    ...names.map((name) => `forward ${name}`),
    ...[...names].reverse().map((name) => `backward ${name}`),
  ]);
});

t.test("a forward without grad and without a replay is refused", async (t) => {
  const model = tinyModel({ device: "cpu", seed: 3 });
  const { aroundForward } = checkpointing();
  const careless: Accelerator = {
    name: "careless",
    duties: [],
    describe: () => "",
    ...(aroundForward && { aroundForward }),
  };
  await t.rejects(walked(model, makePrepared(), [careless]), {
    code: "HYFW_SEGMENT_NO_GRAPH",
    message: /segment final/,
  });
});

t.test("the scale is on the gradients and not on the loss, and micro-steps add up", async (t) => {
  const model = tinyModel({ device: "cpu", seed: 3 });
  const prepared = makePrepared();
  const plain = await walked(model, prepared, []);
  const executor = new Executor(model.segments);
  for (let micro = 0; micro < 2; micro++) {
    using scope = new Scope();
    const { loss } = await executor.train({
      values: prepared.values,
      loss: (output) => model.loss(prepared, output),
      scale: 0.5,
      scope,
    });
    t.equal(loss.mean.item(), plain.loss);
  }
  t.same(gradientsOf(model), plain.gradients, "two halves are one, exactly");
});

t.test("every tensor is freed: after steps, after inference, after an error", async (t) => {
  const model = tinyModel({ device: "cpu", seed: 3 });
  const prepared = makePrepared();
  const before = live();
  for (let step = 0; step < 20; step++)
    await walked(model, prepared, step % 2 === 0 ? [] : [checkpointing()]);
  t.equal(live(), before, "20 steps");
  const executor = new Executor(model.segments, [watching()]);
  const output = await executor.infer(prepared.values);
  t.equal(live(), before + 1, "inference leaves what the last segment wrote");
  for (const one of Object.values(output)) one.dispose();
  const cut = model.segments.slice(1);
  await t.rejects(new Executor(cut).infer(prepared.values), {
    code: "HYFW_SEGMENT_READS",
    message: /blocks\.0 reads "x"/,
  });
  const failing = executor.train({
    values: prepared.values,
    loss: () => {
      throw new Error("no loss");
    },
    scale: 1,
    scope: new Scope(),
  });
  await t.rejects(failing, /no loss/);
  t.equal(live(), before, "errors");
});

t.test("inference gives what training computes and frees values after their last reader", async (t) => {
  const model = tinyModel({ device: "cpu", seed: 3 });
  const prepared = makePrepared();
  const alive: number[] = [];
  const counting: Accelerator = {
    name: "counting",
    duties: [],
    describe: () => "",
    aroundForward: (_segment, values, _facts, next) => {
      alive.push(live());
      return next(values);
    },
  };
  const { prediction } = await new Executor(model.segments, [counting]).infer(prepared.values);
  const whole = noGrad(() => {
    let current: Values = prepared.values;
    for (const segment of model.segments) current = { ...current, ...segment.run(current) };
    return current.prediction;
  });
  t.same(prediction?.toArray(), whole?.toArray());
  const [first = 0] = alive;
  // Before blocks.0: x (which is skip.0 too) and c; the reads stand once more as leaves.
  t.same(
    alive.map((count) => count - first),
    [0, 2, 4, 0],
    "values that wait, and leaves of the segment at hand",
  );
});

t.test("a segment that gives other values than it says is named", async (t) => {
  const wrong: Segment = {
    name: "odd",
    reads: ["a"],
    writes: ["b"],
    parameters: [],
    run: ({ a }) => ({ c: (a as Tensor).mul(2) }),
  };
  await t.rejects(new Executor([wrong]).infer({ a: tensor([1]) }), {
    code: "HYFW_SEGMENT_WRITES",
    message: /segment odd must give b, found c/,
  });
});
