// @ts-check
// Time of the order of one epoch of 2.53 million rows, and memory of sampler and index together, in a process of its own
// per case. The shards are made in a temporary folder; their pictures are holes, so they take little disk.
//   node benchmarks/order.mjs [--rows 2530000] [--folder DIR] [--out FILE]
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DatasetOptions, openDataset } from "@hyfw/plugin-dataset-arrow";
import { bucketSampler } from "@hyfw/plugin-sampler-bucket";
import { writeSparseShard } from "../scripts/sparse-shards.mjs";

/** @typedef {{ open: number, plan: number, first: number, next: number, cpu: number, units: number, growth: number, peak: number }} Figures */

const ROWS_PER_SHARD = 5000;
const UNIT = 64;
const ROUNDS = 5;
const self = fileURLToPath(import.meta.url);

const { values, positionals } = parseArgs({
  options: {
    rows: { type: "string", default: "2530000" },
    folder: { type: "string", default: tmpdir() },
    out: { type: "string" },
    measure: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

if (values.measure) await measure(positionals);
else run();

function run() {
  const folder = mkdtempSync(join(values.folder, "hyfw-order-"));
  const total = Number(values.rows);
  try {
    mkdirSync(join(folder, "shards"));
    for (let firstRow = 0; firstRow < total; firstRow += ROWS_PER_SHARD)
      writeSparseShard(
        join(folder, "shards", `${String(firstRow / ROWS_PER_SHARD).padStart(5, "0")}.arrow`),
        {
          rows: Math.min(ROWS_PER_SHARD, total - firstRow),
          firstRow,
        },
      );
    const lines = [
      `${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}, load ${loadavg()[0]?.toFixed(1)}`,
      `${total} rows, units of ${UNIT}, medians of ${ROUNDS} epochs`,
    ];
    for (const line of lines) console.log(line);
    for (const [name, kind] of [
      ["one resolution, carry", "single carry"],
      ["33 buckets (1024 step 64), carry", "multi carry"],
      ["33 buckets, pad", "multi pad"],
    ]) {
      // The first opening makes the index and keeps it; the second is what every later run pays.
      child([...(kind ?? "").split(" "), folder]);
      const found = child([...(kind ?? "").split(" "), folder]);
      const line = `${(name ?? "").padEnd(34)} ${report(found)}`;
      lines.push(line);
      console.log(line);
    }
    if (values.out !== undefined) writeFileSync(values.out, `${lines.join("\n")}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {string[]} args
 * @returns {Figures}
 */
function child(args) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--expose-gc", self, "--measure", "--", ...args],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

/** @param {string[]} args */
async function measure([buckets = "", leftover = "", folder = ""]) {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const options = DatasetOptions.parse({
    arrowFiles: [join(folder, "shards", "*.arrow")],
    indexCache: join(folder, "cache"),
    ...(buckets === "multi" && { multireso: true, resoStep: 64 }),
  });
  const opened = performance.now();
  const dataset = await openDataset({ name: "main", options: {} }, options);
  const open = performance.now() - opened;
  const sampler = bucketSampler({ leftover: /** @type {"carry" | "pad"} */ (leftover) });
  const facts = { buckets: dataset.buckets, seed: 1234, unitSize: UNIT };
  /** @type {{ plan: number[], first: number[], next: number[], cpu: number[] }} */
  const times = { plan: [], first: [], next: [], cpu: [] };
  let units = 0;
  let peak = 0;
  for (let epoch = 1; epoch <= ROUNDS; epoch++) {
    const spent = process.cpuUsage();
    const began = performance.now();
    const order = sampler.order(facts, epoch);
    const planned = performance.now();
    order.unit(0);
    const first = performance.now();
    let rows = 0;
    for (let n = 0; n < order.units; n++) rows += order.unit(n).positions.length;
    const all = performance.now();
    const { user, system } = process.cpuUsage(spent);
    if (rows !== order.units * UNIT) throw new Error(`${rows} rows in ${order.units} units`);
    ({ units } = order);
    times.plan.push(planned - began);
    times.first.push(first - began);
    times.next.push(all - began);
    times.cpu.push((user + system) / 1000);
    peak = Math.max(peak, process.memoryUsage.rss() - before);
  }
  globalThis.gc?.();
  const growth = process.memoryUsage.rss() - before;
  const figures = {
    open,
    plan: median(times.plan),
    first: median(times.first),
    next: median(times.next),
    cpu: median(times.cpu),
    units,
    growth,
    peak,
  };
  await dataset.close();
  console.log(`\n${JSON.stringify(figures)}`);
}

/** @param {number[]} numbers */
function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** @param {Figures} figures */
function report({ open, plan, first, next, cpu, units, growth, peak }) {
  const mib = (/** @type {number} */ bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const ms = (/** @type {number} */ time) => `${time.toFixed(1)} ms`;
  return `opened in ${ms(open)}, counted for the plan in ${ms(plan)}, first unit after ${ms(first)}, all ${units} units after ${ms(next)} (${ms(cpu)} of CPU), memory ${mib(growth)} (at most ${mib(peak)})`;
}
