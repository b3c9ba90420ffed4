// @ts-check
// A training step of hyfw against the same model in PyTorch eager, on the same libtorch, taking turns in one run.
//   node benchmarks/train-step.mjs [--only small|large32|large64] [--dtype fp32|bf16] [--threads 1] [--rounds 5] [--out FILE]
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { linearKernel, setThreads, torchVersion } from "@hyfw/native";
import { readRecord, recordPath } from "../scripts/setup/native-record.mjs";
import { root } from "../scripts/setup/paths.mjs";
import { startPython } from "./python-side.mjs";
import { syntheticRun } from "./synthetic-run.mjs";

/** @typedef {import("./synthetic-run.mjs").Shape} Shape */

const text = { mlpRatio: 4.3637, textLen: 77, t5Len: 256, pooledWidth: 1024, channels: 4 };
const large = { hidden: 512, depth: 10, heads: 8, textWidth: 512, t5Width: 512, batch: 2, ...text };
/** @type {Record<string, Omit<Shape, "threads" | "dtype"> & { stepsPerTurn: number }>} */
const cases = {
  small: {
    hidden: 64,
    depth: 4,
    heads: 4,
    textWidth: 64,
    t5Width: 64,
    latent: 8,
    batch: 1,
    stepsPerTurn: 20,
    ...text,
  },
  large32: { ...large, latent: 32, stepsPerTurn: 2 },
  large64: { ...large, latent: 64, stepsPerTurn: 1 },
};

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    dtype: { type: "string" },
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    out: { type: "string" },
  },
});
const threads = Number(values.threads);
setThreads(threads);
const prefix = readRecord(recordPath(root))?.torch.prefix ?? "";
const results = [];
for (const [name, { stepsPerTurn, ...shape }] of Object.entries(cases)) {
  if (values.only !== undefined && values.only !== name) continue;
  for (const dtype of /** @type {const} */ (["fp32", "bf16"])) {
    if (values.dtype !== undefined && values.dtype !== dtype) continue;
    results.push(await compare(name, { ...shape, threads, dtype }, stepsPerTurn, Number(values.rounds)));
  }
}
const record = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  threads,
  libtorch: torchVersion(),
  linear: linearKernel(),
  results,
};
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(record, null, 2)}\n`);

/**
 * @param {string} name
 * @param {Shape} shape
 * @param {number} stepsPerTurn
 * @param {number} rounds
 */
async function compare(name, shape, stepsPerTurn, rounds) {
  const python = await pythonSide(shape);
  const own = await syntheticRun(shape);
  if (own.parameters !== python.parameters)
    throw new Error(`${name}: ${own.parameters} parameters here, ${python.parameters} in Python`);
  /** @type {number[]} */
  const ours = [];
  /** @type {number[]} */
  const theirs = [];
  await turn(own.step, stepsPerTurn);
  await python.turn(stepsPerTurn);
  for (let round = 0; round < rounds; round++) {
    ours.push(...(await turn(own.step, stepsPerTurn)));
    theirs.push(...(await python.turn(stepsPerTurn)));
  }
  python.end();
  const [a, b] = [median(ours), median(theirs)];
  const line = {
    case: name,
    dtype: shape.dtype,
    parameters: own.parameters,
    hyfwMs: round(a),
    pytorchMs: round(b),
    ratio: round(a / b),
    fastest: {
      hyfwMs: round(Math.min(...ours)),
      pytorchMs: round(Math.min(...theirs)),
      ratio: round(Math.min(...ours) / Math.min(...theirs)),
    },
  };
  console.log(
    `${name.padEnd(8)} ${shape.dtype}  hyfw ${line.hyfwMs} ms  PyTorch ${line.pytorchMs} ms  ratio ${line.ratio}  (fastest ${line.fastest.ratio})`,
  );
  return line;
}

/** @param {() => Promise<number>} step @param {number} steps */
async function turn(step, steps) {
  const times = [];
  for (let k = 0; k < steps; k++) {
    const start = performance.now();
    await step();
    times.push(performance.now() - start);
  }
  return times;
}

/** @param {Shape} shape */
async function pythonSide(shape) {
  const { facts, turn, end } = await startPython("train_step.py", shape, prefix);
  return { .../** @type {{ parameters: number }} */ (facts), turn, end };
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (
    ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) /
    2
  );
}

/** @param {number} number */
function round(number) {
  return Number(number.toPrecision(4));
}
