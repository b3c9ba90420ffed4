// @ts-check
// Images per CPU-second and peak memory of `hyfw pack` on a generated set of JPEGs around 1024 pixels.
//   node benchmarks/pack.mjs [--images 2000] [--rows-per-shard 5000]
// The pictures are made once, below .hyfw/benchmark. Each mode runs in a process of its own, whose CPU time (all
// threads, start included) and peak resident memory are read when it ends. The official converter does not decode
// pictures, so `header` is the mode to compare with it; `full` is the default.
import { fork } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rngFromKey } from "@hyfw/core";
import { pack } from "@hyfw/plugin-dataset-arrow";
import sharp from "sharp";

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
  const csv = await makeSet(images);
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

/**
 * Smooth colours with fine noise: about 0.3 bytes a pixel at quality 90, as photographs have.
 * @param {number} images
 */
async function makeSet(images) {
  const pictures = join(folder, "pictures");
  mkdirSync(pictures, { recursive: true });
  let bytes = 0;
  /** @type {string[]} */
  const rows = [];
  for (let i = 0; i < images; i++) {
    const path = join(pictures, `${i}.jpg`);
    if (!existsSync(path)) writeFileSync(path, await picture(i));
    bytes += statSync(path).size;
    rows.push(`pictures/${i}.jpg,"第 ${i} 张图片，颜色柔和, 带有细小的颗粒"`);
  }
  const csv = join(folder, `${images}.csv`);
  writeFileSync(csv, `image_path,text_zh\n${rows.join("\n")}\n`);
  process.stdout.write(
    `${images} JPEGs, ${(bytes / 1e6).toFixed(0)} MB, ${(bytes / images / 1e3).toFixed(0)} kB each\n`,
  );
  return csv;
}

/** @param {number} i */
async function picture(i) {
  const rng = rngFromKey({ low: i, high: 0x7061636b });
  const width = 896 + Math.floor(rng.uniform() * 256);
  const height = 896 + Math.floor(rng.uniform() * 256);
  const coarse = Buffer.from(Array.from({ length: 64 * 64 * 3 }, () => Math.floor(rng.uniform() * 256)));
  const grain = Buffer.from(
    Array.from({ length: 256 * 256 * 3 }, () => 108 + Math.floor(rng.uniform() * 40)),
  );
  return sharp(coarse, { raw: { width: 64, height: 64, channels: 3 } })
    .resize(width, height, { fit: "fill", kernel: "cubic" })
    .composite([
      { input: grain, raw: { width: 256, height: 256, channels: 3 }, blend: "soft-light", tile: true },
    ])
    .jpeg({ quality: 90 })
    .toBuffer();
}
