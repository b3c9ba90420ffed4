// @ts-check
// Images per CPU-second and peak memory of `hyfw pack` on a generated set of JPEGs around 1024 pixels.
//   node benchmarks/pack.mjs [--images 2000] [--rows-per-shard 5000]
// The pictures are made once, below .hyfw/benchmark. Each mode runs in a process of its own, whose CPU time (all
// threads, start included) and peak resident memory are read when it ends. The official converter does not decode
// pictures, so `header` is the mode to compare with it; `full` is the default.
import { fork } from "node:child_process";
import { rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pack } from "@hyfw/plugin-dataset-arrow";
import { makePictures } from "./generated-pictures.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, ".hyfw", "benchmark", "pack");

/** @param {string} name @param {number} fallback */
function option(name, fallback) {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

if (process.argv[2] === "--child") await runOnce(process.argv[3] ?? "", process.argv.slice(4));
else await main();

async function main() {
  const images = option("--images", 2000);
  const rowsPerShard = option("--rows-per-shard", 5000);
  const csv = await makePictures(folder, images);
  process.stdout.write(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}\n`);
  for (const mode of ["header", "full", "header", "full"]) {
    const result = await child(mode, csv, rowsPerShard);
    const rate = (images / result.cpuSeconds).toFixed(0);
    process.stdout.write(
      `${mode.padEnd(6)}  ${rate.padStart(5)} images per CPU s  (${result.cpuSeconds.toFixed(2)} CPU s, ${result.wallSeconds.toFixed(2)} s wall, ${(images / result.wallSeconds).toFixed(0)} images/s)  peak ${(result.peakBytes / 1e6).toFixed(0)} MB\n`,
    );
  }
}

/**
 * @param {string} mode @param {string} csv @param {number} rowsPerShard
 * @returns {Promise<{ cpuSeconds: number, wallSeconds: number, peakBytes: number }>}
 */
function child(mode, csv, rowsPerShard) {
  return new Promise((resolve, reject) => {
    const made = fork(fileURLToPath(import.meta.url), ["--child", mode, csv, String(rowsPerShard)]);
    made.on("message", resolve);
    made.on("exit", (code) => code !== 0 && reject(new Error(`the ${mode} run ended with ${code}`)));
  });
}

/** @param {string} mode @param {string[]} args */
async function runOnce(mode, [csv = "", rowsPerShard = "5000"]) {
  const out = join(folder, `out-${mode}`);
  rmSync(out, { recursive: true, force: true });
  const start = performance.now();
  const decode = mode === "full" ? "full" : "header";
  await pack({ source: csv, out, settings: { decode, rowsPerShard: Number(rowsPerShard) } });
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  rmSync(out, { recursive: true, force: true });
  process.send?.({
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    wallSeconds: (performance.now() - start) / 1000,
    peakBytes: maxRSS * 1024,
  });
  process.disconnect?.();
}
