// @ts-check
// Time and memory of the index commands over 2.53 million rows in 506 shards, and of opening 500 shards of 5 GB. The
// shards are made in a temporary folder; their pictures are holes, so they take little disk.
//   node benchmarks/index.mjs [--rows 2530000] [--folder DIR] [--out FILE]
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DatasetOptions, indexCommands, openDataset } from "@hyfw/plugin-dataset-arrow";
import { writeSparseShard } from "../scripts/sparse-shards.mjs";

/** @typedef {{ cpu: number, load: number, wall: number, memory: number, growth: number }} Figures */

const ROWS_PER_SHARD = 5000;
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
  const folder = mkdtempSync(join(values.folder, "hyfw-index-"));
  try {
    const rows = Number(values.rows);
    const lines = [
      `${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
    ];
    const tell = (/** @type {string} */ line) => {
      lines.push(line);
      console.log(line);
    };
    console.log(lines[0]);
    const shards = makeShards(join(folder, "small"), Math.ceil(rows / ROWS_PER_SHARD), { total: rows });
    const pattern = join(folder, "small", "*.arrow");
    const yaml = join(folder, "filters.yaml");
    writeFileSync(yaml, filters(pattern));
    writeFileSync(join(folder, "dedup.yaml"), `source: ["${pattern}"]\nremove_md5_dup: true\n`);
    const base = join(folder, "base.json");
    const index = (/** @type {string} */ name, /** @type {string[]} */ ...args) =>
      tell(`${name.padEnd(44)} ${report(child(["index", ...args]))}`);
    tell(`${rows} rows in ${shards} shards`);
    index("index base", "base", "--arrow", pattern, "--out", base);
    index("index base, two size filters and contains", "base", yaml, "--out", join(folder, "filtered.json"));
    index(
      "index base, remove_md5_dup",
      "base",
      join(folder, "dedup.yaml"),
      "--out",
      join(folder, "dedup.json"),
    );
    index(
      "index multireso, 1024 step 64",
      ...multireso(base),
      "--reso-step",
      "64",
      "--out",
      join(folder, "mr.json"),
    );
    index("index check of it", "check", join(folder, "mr.json"));
    rmSync(join(folder, "small"), { recursive: true });
    for (const batches of [3, 75]) {
      makeShards(join(folder, `large${batches}`), 500, { total: 2_500_000, batches, imageBytes: 1_000_000 });
      const large = join(folder, `large${batches}`, "*.arrow");
      const cache = join(folder, `cache${batches}`);
      tell(`500 shards of 5 GB, ${batches} batches each, 2500000 rows`);
      for (const name of ["opened for the first time", "opened again"])
        tell(`${name.padEnd(44)} ${report(child(["open", large, cache]))}`);
      rmSync(join(folder, `large${batches}`), { recursive: true });
    }
    if (values.out !== undefined) writeFileSync(values.out, `${lines.join("\n")}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} base */
function multireso(base) {
  return ["multireso", "--src", base, "--base-size", "1024"];
}

/** @param {string} pattern */
function filters(pattern) {
  const filter = (/** @type {string} */ name) =>
    `    - {name: ${name}, type: int, action: ge, target: 640, default: 0}\n`;
  return `source:\n  - ${pattern}\nfilter:\n  column:\n${filter("width")}${filter("height")}    - {name: text_zh, type: str, action: contains, target: "第.*图", default: ""}\n`;
}

/**
 * @param {string} folder
 * @param {number} count
 * @param {{ total: number, batches?: number, imageBytes?: number }} shape
 */
function makeShards(folder, count, { total, batches, imageBytes }) {
  mkdirSync(folder);
  for (let i = 0; i < count; i++) {
    const firstRow = i * ROWS_PER_SHARD;
    const rows = Math.min(ROWS_PER_SHARD, total - firstRow);
    writeSparseShard(join(folder, `${String(i).padStart(5, "0")}.arrow`), {
      rows,
      batches,
      imageBytes,
      firstRow,
    });
  }
  return count;
}

/**
 * Runs one command in a process of its own, so that its memory and its start are counted.
 * @param {string[]} args
 * @returns {Figures}
 */
function child(args) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [self, "--measure", "--", ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

/** @param {string[]} args */
async function measure([name = "", ...args]) {
  const start = process.hrtime.bigint();
  const before = process.memoryUsage.rss();
  const started = process.cpuUsage();
  if (name === "open") {
    const [arrow = "", indexCache = ""] = args;
    const options = DatasetOptions.parse({ arrowFiles: [arrow], indexCache });
    const dataset = await openDataset({ name: "main", options: {} }, options);
    if (dataset.length === 0) throw new Error("no rows");
  } else {
    const word = `index ${args[0]}`;
    const command = indexCommands.find((one) => one.name === word);
    if (command === undefined) throw new Error(`there is no command ${word}`);
    const { stdout, stderr } = process;
    const code = await command.run(args.slice(1), { stdout, stderr });
    if (code !== 0) throw new Error(`${word} ended with ${code}`);
  }
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  const growth = process.memoryUsage.rss() - before;
  const { user, system } = process.cpuUsage(started);
  const memory = process.resourceUsage().maxRSS * 1024;
  console.log(
    `\n${JSON.stringify({ cpu: (user + system) / 1e6, load: (started.user + started.system) / 1e6, wall, memory, growth })}`,
  );
  process.exit(0);
}

/** @param {Figures} figures */
function report({ cpu, load, wall, memory, growth }) {
  const mib = (/** @type {number} */ bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  return `${cpu.toFixed(2)} s CPU (and ${load.toFixed(2)} s to load hyfw), ${wall.toFixed(2)} s wall, peak ${mib(memory)}, growth ${mib(growth)}`;
}
