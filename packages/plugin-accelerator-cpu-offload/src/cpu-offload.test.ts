import type { Optimizer, ParameterSlot } from "@hyfw/core";
import {
  callOpAsync,
  full,
  keyedNormal,
  live,
  noGrad,
  Scope,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from "@hyfw/native";
import t from "tap";
import { CpuOffload } from "./cpu-offload.js";

const OPTIONS = { gradients: false, gradientType: "float32", groupMiB: 1 } as const;
const SHAPES = [[300, 1000], [7], [64, 64], [500, 600], [1]] as const;

function slots(): ParameterSlot[] {
  return SHAPES.map((shape, n) => {
    const storage = tidy(() => noGrad(() => keyedNormal([{ low: n, high: 1 }], shape).reshape(shape)))
      .keep()
      .setRequiresGrad();
    return {
      name: `w${n}`,
      shape,
      storage,
      decays: n % 2 === 0,
      castable: false,
      tensor: () => storage,
      substitute: () => undefined,
    };
  });
}

/** AdamW by the native op alone. */
function adamw(parameters: readonly ParameterSlot[]): Optimizer {
  const moments = parameters.map(({ shape }) => [zeros(shape).keep(), zeros(shape).keep()] as const);
  let steps = 0;
  return {
    step: async ({ lr, gradScale }) => {
      steps += 1;
      using scope = new Scope();
      const grads = scope.run(() => parameters.map(({ storage }) => storage.grad as Tensor));
      const [first, second] = [moments.map(([m]) => m), moments.map(([, v]) => v)];
      const storages = parameters.map(({ storage }) => storage);
      await noGrad(() =>
        callOpAsync(
          "hyfw::adamw_",
          storages,
          grads,
          first,
          second,
          gradScale,
          lr,
          0.9,
          0.999,
          1e-8,
          0.01,
          steps,
        ),
      );
    },
    state: () => ({
      tensors: Object.fromEntries(
        parameters.flatMap(({ name }, n) => [
          [`${name}.exp_avg`, moments[n]?.[0] as Tensor],
          [`${name}.exp_avg_sq`, moments[n]?.[1] as Tensor],
        ]),
      ),
      counters: { steps },
    }),
    restore: ({ tensors, counters }) => {
      for (const [n, { name }] of parameters.entries()) {
        tidy(() => moments[n]?.[0].copy_(tensors[`${name}.exp_avg`] as Tensor));
        tidy(() => moments[n]?.[1].copy_(tensors[`${name}.exp_avg_sq`] as Tensor));
      }
      steps = counters.steps ?? 0;
    },
    describe: () => "AdamW",
  };
}

/** Gives every parameter a gradient, as the backward of a segment does: added to what is there. */
function backwardOf(parameters: readonly ParameterSlot[], step: number): void {
  for (const [n, { storage, shape }] of parameters.entries())
    tidy(() => {
      const gradient = keyedNormal([{ low: n, high: 100 + step }], shape).reshape(shape);
      const before = storage.grad;
      storage.setGrad(before === undefined ? gradient : before.add(gradient));
    });
}

interface Trained {
  readonly weights: number[][];
  readonly state: ReturnType<Optimizer["state"]>;
}

/** Steps of two micro-steps each over two "segments", by an offload or without one. */
async function trained(
  offload: CpuOffload | undefined,
  [from, to]: readonly [number, number] = [0, 4],
  start?: Trained,
): Promise<Trained> {
  const parameters = slots();
  const optimizer = offload === undefined ? adamw(parameters) : offload.wrapOptimizer(adamw)(parameters);
  offload?.prepare({ parameters }, { worldSize: 1 });
  if (start !== undefined) {
    for (const [n, { storage, shape }] of parameters.entries())
      tidy(() => noGrad(() => storage.copy_(tensor(start.weights[n] ?? [], shape))));
    optimizer.restore(start.state);
  }
  const segments = [parameters.slice(2), parameters.slice(0, 2)];
  for (let step = from; step < to; step++) {
    for (let micro = 0; micro < 2; micro++) {
      for (const members of segments) {
        const segment = { name: "s", reads: [], writes: [], parameters: members, run: () => ({}) };
        const run = async () => {
          backwardOf(members, 10 * step + micro);
          return {};
        };
        if (offload === undefined) await run();
        else await offload.aroundBackward(segment, {}, { run, replay: () => undefined });
      }
      await offload?.afterMicroStep();
    }
    const update = async () => {
      using scope = new Scope();
      await scope.run(() => optimizer.step({ lr: 0.01, gradScale: full([], 0.7) }));
    };
    await (offload === undefined ? update() : offload.aroundUpdate(update));
    for (const { storage } of parameters) storage.setGrad(undefined);
  }
  const weights = parameters.map(({ storage }) => tidy(() => storage.detach().toArray()));
  const state = optimizer.state();
  for (const { storage } of parameters) storage.dispose();
  return { weights, state };
}

function momentsOf({ state }: Trained): number[][] {
  return Object.keys(state.tensors)
    .sort()
    .map((name) => state.tensors[name]?.toArray() ?? []);
}

/** Bit by bit, apart from the sign of 0. */
function isSame(a: number[][], b: number[][]): boolean {
  return (
    a.length === b.length &&
    a.every((row, n) => row.length === b[n]?.length && row.every((value, k) => value === b[n]?.[k]))
  );
}

function free({ state }: Trained): void {
  for (const tensor of Object.values(state.tensors)) tensor.dispose();
}

t.test("the same weights and moments bit by bit, in place and through copies", async (t) => {
  const plain = await trained(undefined);
  for (const mustCopy of [false, true])
    for (const gradients of [false, true]) {
      const offload = new CpuOffload({ ...OPTIONS, gradients }, mustCopy);
      const found = await trained(offload);
      t.ok(isSame(found.weights, plain.weights), `weights: copies ${mustCopy}, gradients ${gradients}`);
      t.ok(isSame(momentsOf(found), momentsOf(plain)), "moments");
      t.same(found.state.counters, { steps: 4 });
      free(found);
      offload.dispose();
    }
  free(plain);
});

t.test("a restart goes on from loaded weights and restored moments", async (t) => {
  const plain = await trained(undefined);
  const first = new CpuOffload(OPTIONS, true);
  const half = await trained(first, [0, 2]);
  const second = new CpuOffload(OPTIONS, true);
  const whole = await trained(second, [2, 4], half);
  t.ok(isSame(whole.weights, plain.weights));
  for (const one of [plain, half, whole]) free(one);
  first.dispose();
  second.dispose();
});

t.test("gradients that travel in bfloat16 come close", async (t) => {
  const plain = await trained(undefined);
  const offload = new CpuOffload({ ...OPTIONS, gradientType: "bfloat16" }, true);
  const found = await trained(offload);
  let apart = 0;
  for (const [n, row] of plain.weights.entries())
    for (const [k, value] of row.entries())
      apart = Math.max(apart, Math.abs(value - (found.weights[n]?.[k] ?? Number.NaN)));
  // Four steps of 0.01 move a weight by 0.04 at most; rounding changes a step by about 1 %.
  t.ok(apart > 0 && apart < 2e-3, `${apart}`);
  free(found);
  free(plain);
  offload.dispose();
});

t.test("parameters go together in groups of the asked size", async (t) => {
  const offload = new CpuOffload(OPTIONS);
  const parameters = slots();
  const optimizer = offload.wrapOptimizer(adamw)(parameters);
  // Two of 1.2 MB, which are more than a group holds, and small ones after each.
  t.match(optimizer.describe(), /^AdamW, in host memory, in 4 groups$/);
  for (const tensor of Object.values(optimizer.state().tensors)) tensor.dispose();
  for (const { storage } of parameters) storage.dispose();
  offload.dispose();
});

t.test("gradients of several processes are refused, since they are summed on the GPUs", async (t) => {
  const offload = new CpuOffload({ ...OPTIONS, gradients: true });
  t.throws(() => offload.prepare({ parameters: [] }, { worldSize: 2 }), {
    code: "HYFW_OFFLOAD_SETTING_GRADIENTS",
    message: /2 processes/,
  });
});

t.test("nothing is left when it ends", async (t) => {
  const before = live();
  const offload = new CpuOffload({ ...OPTIONS, gradients: true }, true);
  free(await trained(offload));
  offload.dispose();
  t.equal(live(), before);
});
