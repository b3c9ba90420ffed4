// @ts-check
// Live tensors and resident memory over many training steps of a small model; fails when either grows.
//   node benchmarks/memory.mjs [--steps 2000] [--dtype fp32|bf16]
import { parseArgs } from "node:util";
import { StepHeap } from "@hyfw/core/engine";
import { live, setThreads } from "@hyfw/native";
import { syntheticRun } from "./synthetic-run.mjs";

const { values } = parseArgs({
  options: { steps: { type: "string", default: "2000" }, dtype: { type: "string", default: "fp32" } },
});
const steps = Number(values.steps);
const dtype = values.dtype === "bf16" ? "bf16" : "fp32";
setThreads(1);
const run = await syntheticRun({
  ...{ hidden: 64, depth: 4, heads: 4, mlpRatio: 4.3637, latent: 8, batch: 1, channels: 4 },
  ...{ textWidth: 64, t5Width: 64, textLen: 77, t5Len: 256, pooledWidth: 1024, threads: 1, dtype },
});
const heap = new StepHeap(); // as the training loop has
/** Allocators and the JavaScript heap settle within the first fifth. */
const settled = Math.floor(steps / 5);
let tensors = 0;
let settledBytes = 0;
let mostBytes = 0;
for (let step = 1; step <= steps; step++) {
  await run.step();
  heap.afterStep(step);
  if (step === settled) {
    tensors = live();
    settledBytes = process.memoryUsage.rss();
  }
  if (step < settled || step % 50 !== 0) continue;
  mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
  if (live() !== tensors)
    throw new Error(`step ${step}: ${live()} live tensors, ${tensors} at step ${settled}`);
}
const growth = mostBytes / settledBytes - 1;
console.log(
  `${dtype}: ${steps} steps, ${tensors} live tensors from step ${settled} on, ${Math.round(settledBytes / 2 ** 20)} MiB at step ${settled}, at most ${(growth * 100).toFixed(1)} % more after`,
);
process.exitCode = growth > 0.02 ? 1 : 0;
