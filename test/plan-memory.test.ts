import { OPTIMIZER } from "@hyfw/core";
import { bytesOf, Ema, Executor, measureRun, memoryOf } from "@hyfw/core/engine";
import { PLAIN_FACTS } from "@hyfw/core/optimizer";
import {
  full,
  memoryStats,
  resetMemoryPeak,
  Scope,
  setHalfLinearKernel,
  setLinearKernel,
  tidy,
  zeros,
} from "@hyfw/native";
import t from "tap";
import { acceleratorsOf, buildSmall, openSmall, valuesOf } from "./small-dit.js";

// Products through float32 on CPUs without bfloat16 instructions have temporaries that no GPU has.
setLinearKernel("aten");
setHalfLinearKernel("aten");

const SIZE = { height: 32, width: 32 };
const SAMPLES = 3;

/** Bytes that weights, moments, average and micro-steps took at most on the CPU, through libtorch's allocator. */
async function measuredOnCpu(sets: readonly string[], microSteps: number): Promise<number> {
  const run = await openSmall(sets);
  const before = memoryStats("cpu")?.held ?? Number.NaN;
  const model = buildSmall(run);
  const optimizer = run.get(OPTIMIZER).create(model.parameters, PLAIN_FACTS);
  const ema = new Ema(model.parameters, { enabled: true, warmup: false });
  const executor = new Executor(model.segments, await acceleratorsOf(run, model));
  resetMemoryPeak("cpu");
  for (let n = 0; n < microSteps; n++) {
    using scope = new Scope();
    const values = scope.adopt({ ...valuesOf(model, SAMPLES, SIZE) });
    await executor.train({
      values,
      loss: (output) => {
        const perSample = (Object.values(output)[0] ?? zeros([1])).float().square().mean([1, 2, 3]);
        return { mean: perSample.mean(), perSample: perSample.detach(), parts: {} };
      },
      scale: 1 / microSteps,
      scope,
    });
  }
  await optimizer.step({ lr: 1e-4, gradScale: full([], 1) });
  ema.update();
  const peak = (memoryStats("cpu")?.peak ?? Number.NaN) - before;
  ema.dispose();
  for (const tensor of Object.values(optimizer.state().tensors)) tensor.dispose();
  for (const { storage } of new Set([...(model.whole ?? []), ...model.parameters])) {
    tidy(() => storage.setGrad(undefined));
    storage.dispose();
  }
  await run.close();
  return peak;
}

async function plannedForCpu(sets: readonly string[], gradAccuSteps: number): Promise<number> {
  const run = await openSmall(sets);
  const { bytes, walkAt } = await measureRun(run, SIZE, "cpu");
  await run.close();
  const choice = { zero: 0, offload: "none", checkpointing: "off" } as const;
  const memory = memoryOf(choice, bytes, walkAt(SAMPLES), { gpus: 1, gradAccuSteps });
  return bytesOf({ ...memory, margin: 0 });
}

const CHECKPOINTING = "plugins.accelerator-gradient-checkpointing";
const cases: [string, string[], number][] = [
  ["float32", [], 1],
  ["float32, two micro-steps", [], 2],
  ["bfloat16", ["plugins.accelerator-precision={dtype: bf16}"], 1],
  ["full checkpointing", [`${CHECKPOINTING}={enabled: true}`], 1],
  ["half of the blocks checkpointed", [`${CHECKPOINTING}={enabled: true, rate: 0.5}`], 1],
  ["selective checkpointing", [`${CHECKPOINTING}={enabled: true, mode: selective}`], 1],
  [
    "bfloat16, full checkpointing, two micro-steps",
    ["plugins.accelerator-precision={dtype: bf16}", `${CHECKPOINTING}={enabled: true}`],
    2,
  ],
  ["LoRA", ["plugins.adapter-lora={rank: 8}"], 1],
  ["LoRA, full checkpointing", ["plugins.adapter-lora={rank: 8}", `${CHECKPOINTING}={enabled: true}`], 1],
  ["written out attention", ["plugins.accelerator-flash-attention={kernel: plain}"], 1],
];

for (const [name, sets, microSteps] of cases)
  t.test(`the plan's memory is what a run takes: ${name}`, async (t) => {
    const all = ["train.ema.enabled=true", ...sets];
    const measured = await measuredOnCpu(all, microSteps);
    const planned = await plannedForCpu(all, microSteps);
    const error = planned / measured - 1;
    t.comment(`measured ${mib(measured)} MiB, planned ${mib(planned)} MiB, ${(100 * error).toFixed(1)} %`);
    t.ok(Math.abs(error) < 0.1, `off by ${(100 * error).toFixed(1)} %`);
  });

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
