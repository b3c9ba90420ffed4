import type { ParameterSlot, Segment, Values } from "@hyfw/core";
import { Executor } from "@hyfw/core/engine";
import { callTensorOp, live, manualSeed, randomState, Scope, type Tensor, tensor } from "@hyfw/native";
import { OutputTape } from "@hyfw/nn";
import t from "tap";
import { GradientCheckpointing } from "./gradient-checkpointing.js";

/** A slot with one weight of its own. */
function slotOf(name: string, numbers: number[]): ParameterSlot {
  const storage = tensor(numbers).keep().setRequiresGrad();
  return {
    name,
    shape: [numbers.length],
    storage,
    decays: false,
    castable: false,
    tensor: () => storage,
    substitute: () => undefined,
  };
}

/** Blocks that multiply by a weight and drop half of what comes out, by libtorch's default generator. */
function droppingBlocks(count: number): { segments: Segment[]; slots: ParameterSlot[] } {
  const slots = Array.from({ length: count }, (_, n) => slotOf(`w${n}`, [0.5, -1, 2, 1.5]));
  const segments = slots.map(
    (slot, n): Segment => ({
      name: `blocks.${n}`,
      reads: ["x"],
      writes: ["x"],
      parameters: [slot],
      run: ({ x }) => ({
        x: callTensorOp("aten::dropout", (x as Tensor).mul(slot.tensor()).gelu("tanh"), 0.5, true),
      }),
    }),
  );
  return { segments, slots };
}

async function gradients(checkpointing: GradientCheckpointing | undefined): Promise<number[][]> {
  const { segments, slots } = droppingBlocks(3);
  checkpointing?.prepare({ segments }, { device: "cpu" });
  manualSeed(11);
  using scope = new Scope();
  const values: Values = scope.run(() => ({
    x: tensor(
      Array.from({ length: 64 }, (_, n) => 1 + n / 16),
      [16, 4],
    ),
  }));
  await new Executor(segments, checkpointing === undefined ? [] : [checkpointing]).train({
    values,
    loss: ({ x }) => {
      const perSample = (x as Tensor).square().sum([1]);
      return { mean: perSample.mean(), perSample: perSample.detach(), parts: {} };
    },
    scale: 1,
    scope,
  });
  const found = scope.run(() => slots.map(({ storage }) => storage.grad?.toArray() ?? []));
  for (const { storage } of slots) storage.dispose();
  return found;
}

t.test("dropout drops the same numbers when a block runs again", async (t) => {
  const plain = await gradients(undefined);
  t.ok(plain.flat().some((value) => value !== 0));
  for (const mode of ["full", "selective"] as const)
    t.same(await gradients(new GradientCheckpointing({ rate: 1, mode })), plain, mode);
});

t.test("what is drawn after backward does not depend on checkpointing", async (t) => {
  await gradients(undefined);
  const plain = randomState();
  await gradients(new GradientCheckpointing({ rate: 1, mode: "full" }));
  t.same(randomState().toArray(), plain.toArray());
});

t.test("nothing is left behind, also by a walk that breaks off", async (t) => {
  const { segments, slots } = droppingBlocks(3);
  const checkpointing = new GradientCheckpointing({ rate: 1, mode: "selective" });
  checkpointing.prepare({ segments }, { device: "cpu" });
  const step = async (fails: boolean): Promise<void> => {
    using scope = new Scope();
    const values = scope.run(() => ({ x: tensor([1, 2, 3, 4], [1, 4]) }));
    await new Executor(segments, [checkpointing]).train({
      values,
      loss: ({ x }) => {
        if (fails) throw new Error("broken off");
        const perSample = (x as Tensor).square().sum([1]);
        return { mean: perSample.mean(), perSample: perSample.detach(), parts: {} };
      },
      scale: 1,
      scope,
    });
    for (const { storage } of slots) storage.setGrad(undefined);
  };
  await step(false);
  const before = live();
  await t.rejects(step(true), { message: "broken off" });
  await step(false);
  await step(false);
  t.equal(live(), before);
  for (const { storage } of slots) storage.dispose();
});

t.test("the share of blocks is the official one: i ≥ (1 - rate) · depth", async (t) => {
  const { segments, slots } = droppingBlocks(5);
  for (const [rate, count] of [
    [1, 5],
    [0.75, 3],
    [0.5, 2],
    [0.1, 0],
    [0, 0],
  ] as const) {
    const checkpointing = new GradientCheckpointing({ rate, mode: "full" });
    checkpointing.prepare({ segments }, { device: "cpu" });
    t.match(checkpointing.describe(), new RegExp(`^runs ${count} of 5 blocks`), `rate ${rate}`);
  }
  for (const { storage } of slots) storage.dispose();
});

t.test("a model without numbered blocks is refused", async (t) => {
  const checkpointing = new GradientCheckpointing({ rate: 1, mode: "full" });
  const segments = [{ name: "whole", reads: [], writes: [], parameters: [], run: () => ({}) }];
  t.throws(() => checkpointing.prepare({ segments }, { device: "cpu" }), {
    code: "HYFW_CHECKPOINTING_SETTING_BLOCKS",
    message: /segments \(whole\) have no numbers/,
  });
});

t.test("a tape that is asked for other outputs than it has says so", async (t) => {
  const tape = new OutputTape();
  tape.push({ name: "linear", out: tensor([1]) });
  t.throws(() => tape.replay(() => undefined), { code: "HYFW_NN_TAPE", message: /1 outputs were kept, 0/ });
  t.throws(() => tape.take("linear"), { code: "HYFW_NN_TAPE" }, "and is empty after");
});
