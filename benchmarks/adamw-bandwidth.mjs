// @ts-check
// AdamW over many tensors in host memory against what the memory itself allows: reading weights, gradients and moments and
// writing weights and moments back, measured in the same process by an op that only adds. Both with the same threads.
//   node benchmarks/adamw-bandwidth.mjs [--million 64] [--threads 2] [--rounds 7]
import { parseArgs } from "node:util";
import { callOp, full, noGrad, setThreads, tidy, zeros } from "@hyfw/native";

const { values } = parseArgs({
  options: {
    million: { type: "string", default: "64" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "7" },
  },
});
const each = 4 * 2 ** 20;
const count = Math.max(1, Math.round((Number(values.million) * 1e6) / each));
setThreads(Number(values.threads));
const list = (dtype = /** @type {"float32" | "bfloat16"} */ ("float32")) =>
  Array.from({ length: count }, () => zeros([each], { dtype }).keep());
const [weights, firsts, seconds, gradients] = [list(), list(), list(), list()];
const halves = list("bfloat16");
const scale = full([], 1).keep();

/** @param {typeof gradients} given */
const adamw = (given) =>
  callOp("hyfw::adamw_", weights, given, firsts, seconds, scale, 1e-4, 0.9, 0.999, 1e-8, 0, 1);
function addAll() {
  for (const [n, one] of weights.entries()) one.add_(gradients[n] ?? one);
}
/** Bytes an element that each reads and writes. The sum is what memory allows: one pass, one addition. */
const works = /** @type {const} */ ([
  ["a + b", 12, () => addAll()],
  ["AdamW, float32 gradients", 28, () => void adamw(gradients)],
  ["AdamW, bfloat16 gradients", 26, () => void adamw(halves)],
]);
const best = works.map(() => Number.POSITIVE_INFINITY);
// In turns, so that other work on the machine hits all alike; the first round only warms up.
for (let round = 0; round <= Number(values.rounds); round++)
  for (const [n, [, , work]] of works.entries()) {
    const started = performance.now();
    tidy(() => noGrad(work));
    if (round > 0) best[n] = Math.min(best[n] ?? 0, (performance.now() - started) / 1000);
  }
const elements = count * each;
const rates = works.map(([, bytes], n) => (bytes * elements) / (best[n] ?? 1));
console.log(
  `${(elements / 1e6).toFixed(0)} million elements, ${values.threads} thread(s), fastest of ${values.rounds}`,
);
for (const [n, [name]] of works.entries())
  console.log(
    `${name.padEnd(26)} ${((best[n] ?? 0) * 1000).toFixed(0).padStart(5)} ms  ${((rates[n] ?? 0) / 1e9).toFixed(1).padStart(5)} GB/s  ${((rates[0] ?? 0) / (rates[n] ?? 1)).toFixed(2)}x the time that a + b's rate allows`,
  );
