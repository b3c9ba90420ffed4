// @ts-check
// Memory and time of a training step without recomputing, with selective and with full gradient checkpointing, in one
// process; fails when a mode does not keep less than the one before, or takes more than its operations explain.
//   node benchmarks/recompute.mjs [--hidden 192] [--depth 12] [--side 64] [--batch 2] [--dtype fp32|bf16] [--steps 2]
import { parseArgs } from "node:util";
import { ACCELERATOR, MODEL, openRun, resolveSettings } from "@hyfw/core";
import { Executor } from "@hyfw/core/engine";
import {
  flops,
  keyedNormal,
  memoryStats,
  resetMemoryPeak,
  Scope,
  setThreads,
  tensor,
  tidy,
  zeros,
} from "@hyfw/native";

const { values } = parseArgs({
  options: {
    hidden: { type: "string", default: "192" },
    depth: { type: "string", default: "12" },
    side: { type: "string", default: "64" },
    batch: { type: "string", default: "2" },
    dtype: { type: "string", default: "fp32" },
    steps: { type: "string", default: "2" },
    threads: { type: "string", default: "2" },
  },
});
const side = Number(values.side);
const batch = Number(values.batch);
setThreads(Number(values.threads));

/**
 * The peak of tensors beside the weights, the fastest of some steps, and the operations of one.
 * @param {string} checkpointing options of the plugin
 */
async function measure(checkpointing) {
  const sets = [
    "plugins.latents-pixel={}",
    "plugins.text-characters={textStatesDim: 64, textStatesDimT5: 64, textLen: 77, textLenT5: 256}",
    `plugins.model-hunyuan-dit={model: custom, hiddenSize: ${values.hidden}, depth: ${values.depth}, numHeads: 8}`,
    "plugins.optimizer-adamw={}",
    `plugins.accelerator-gradient-checkpointing=${checkpointing}`,
    `plugins.accelerator-precision={dtype: ${values.dtype}}`,
  ];
  const run = await openRun(await resolveSettings({ cwd: process.cwd(), config: false, sets }), {
    required: [MODEL],
  });
  const model = run.get(MODEL).build({ device: "cpu", seed: 1 });
  const accelerators = run.getAll(ACCELERATOR);
  for (const one of accelerators) await one.prepare?.(model, { device: "cpu", rank: 0, worldSize: 1 });
  const executor = new Executor(model.segments, accelerators);
  const resolution = { height: side, width: side };
  let best = Number.POSITIVE_INFINITY;
  let peak = 0;
  let operations = 0;
  const held = memoryStats("cpu")?.held ?? 0;
  for (let step = 0; step < Number(values.steps); step++) {
    const scope = new Scope();
    const inputs = scope.run(() => made(model.outline?.(batch, resolution) ?? {}));
    resetMemoryPeak("cpu");
    const counted = flops().all;
    const started = performance.now();
    await executor.train({
      values: inputs,
      loss: (output) => {
        const perSample = (Object.values(output)[0] ?? zeros([1])).float().square().mean([1, 2, 3]);
        return { mean: perSample.mean(), perSample: perSample.detach(), parts: {} };
      },
      scale: 1,
      scope,
    });
    best = Math.min(best, performance.now() - started);
    operations = flops().all - counted;
    peak = (memoryStats("cpu")?.peak ?? 0) - held;
    scope.dispose();
    tidy(() => {
      for (const { storage } of model.parameters) storage.setGrad(undefined);
    });
  }
  for (const { storage } of model.parameters) storage.dispose();
  await run.close();
  return { peak, best, operations };
}

/**
 * Numbers of the shapes that a model outlines.
 * @param {import("@hyfw/core").Values} outline
 */
function made(outline) {
  return Object.fromEntries(
    Object.entries(outline).map(([name, { shape, dtype }]) => {
      const size = shape.reduce((product, one) => product * one, 1);
      if (dtype === "int64") return [name, tensor(new BigInt64Array(size), shape, { dtype })];
      if (dtype === "bool") return [name, tensor(new Float64Array(size).fill(1), shape, { dtype })];
      return [name, keyedNormal([{ low: size, high: 1 }], shape).reshape(shape)];
    }),
  );
}

const modes = {
  off: "{}",
  selective: "{enabled: true, mode: selective}",
  full: "{enabled: true}",
};
/** @type {Record<string, Awaited<ReturnType<typeof measure>>>} */
const found = {};
for (const [name, options] of Object.entries(modes)) {
  found[name] = await measure(options);
  const { peak, best, operations } = found[name];
  const against = found.off;
  console.log(
    `${name.padEnd(9)}  ${(peak / 2 ** 20).toFixed(0).padStart(6)} MiB (${((100 * peak) / against.peak).toFixed(0)} %)  ${best.toFixed(0).padStart(6)} ms (${(best / against.best).toFixed(2)}x)  ${(operations / 1e9).toFixed(1)} GFLOP (${(operations / against.operations).toFixed(2)}x)`,
  );
}
const { off, selective, full } = found;
const kept = selective.peak < 0.75 * off.peak && full.peak < 0.6 * selective.peak;
if (!kept) console.log("a mode keeps more than it should");
process.exitCode = kept ? 0 : 1;
