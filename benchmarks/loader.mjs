// @ts-check
// Samples per CPU-second of the real loader: decode, orient, resize, crop, flip and normalise into a float batch, from
// Arrow shards of generated JPEGs, at one size and in buckets of 1024 pixels; and of decoding alone.
//   node benchmarks/loader.mjs [--images 200] [--samples 400] [--batch 4]
// Each case runs in a process of its own, after a warm-up; CPU time is of all threads. Needs the native addon.
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SettingsSchema } from "@hyfw/core";
import { FIRST_PLACE, Loader } from "@hyfw/core/engine";
import { setThreads, tidy } from "@hyfw/native";
import { CropFlipOptions, cropFlip } from "@hyfw/plugin-augmenter-crop-flip";
import { DatasetOptions, openDataset, pack } from "@hyfw/plugin-dataset-arrow";
import { bucketSampler } from "@hyfw/plugin-sampler-bucket";
import { makePictures } from "./generated-pictures.mjs";

const folder = join(fileURLToPath(new URL("..", import.meta.url)), ".hyfw", "benchmark", "pack");
const CASES = ["single", "buckets", "single fast", "decode"];
const WARM_UP = 40;

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "200" },
    samples: { type: "string", default: "400" },
    batch: { type: "string", default: "4" },
    repeats: { type: "string", default: "3" },
    child: { type: "string" },
  },
});
const shards = join(folder, `shards-${values.images}`);

if (values.child !== undefined) await measure(values.child);
else await main();

async function main() {
  const csv = await makePictures(folder, Number(values.images));
  if (!existsSync(join(shards, "ledger.jsonl"))) await pack({ source: csv, out: shards });
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
  for (let repeat = 0; repeat < Number(values.repeats); repeat++)
    for (const name of CASES) {
      const { cpu, wall, rss, count } = await child(name);
      console.log(
        `${name.padEnd(12)} ${(count / cpu).toFixed(1).padStart(6)} samples per CPU s, ${((1000 * cpu) / count).toFixed(1)} ms each, ${(count / wall).toFixed(1)} a second, peak ${(rss / 2 ** 20).toFixed(0)} MiB`,
      );
    }
}

/** @param {string} name @returns {Promise<{ cpu: number, wall: number, rss: number, count: number }>} */
function child(name) {
  return new Promise((resolve, reject) => {
    const made = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), "--child", name]);
    made.on("message", resolve);
    made.on("exit", (code) => code !== 0 && reject(new Error(`${name} ended with ${code}`)));
  });
}

/** @param {string} name */
async function measure(name) {
  setThreads(1);
  const multireso = name === "buckets";
  const dataset = await openDataset(
    { name: "main", options: {} },
    DatasetOptions.parse({
      arrowFiles: [join(shards, "*.arrow")],
      multireso,
      ...(multireso && { resoStep: 64 }),
      resize: name.endsWith("fast") ? "fast" : "exact",
      indexCache: null,
    }),
  );
  const decodesOnly = name === "decode";
  const batch = Number(values.batch);
  const loader = new Loader(
    {
      sampler: bucketSampler({ leftover: "carry" }),
      seed: 1,
      unitSize: batch,
      ranks: 1,
      phases: [
        {
          name: "main",
          sources: [{ name: "main", dataset, share: 1, augmenters: [cropFlip(CropFlipOptions.parse({}))] }],
          isMixed: false,
          epochs: 1e6,
          maxUnits: 1e9,
          unitSize: batch,
          share: { microBatch: batch, perUnit: 1 },
          train: SettingsSchema.parse({}).train,
          hasOwnLr: false,
          steps: 1e9,
        },
      ],
      rank: 0,
      worldSize: 1,
      inFlight: 1,
      ahead: 3,
      aheadBytes: 128 * 2 ** 20,
    },
    FIRST_PLACE,
  );
  let position = 0;
  const next = async () => {
    if (decodesOnly) {
      // The whole picture at its own size: nothing is resized, cut or made into numbers.
      const row = await dataset.row(position++ % dataset.length);
      const geometry = { resized: row.size, crop: { top: 0, left: 0 }, resolution: row.size, flip: false };
      await dataset.readPixels(row, geometry, new Uint8Array(row.size.height * row.size.width * 3));
      return 1;
    }
    const loaded = await loader.next();
    if (loaded === undefined) throw new Error("the data ended");
    tidy(() => {
      loaded.toBatch("cpu");
    });
    return loaded.samples.length;
  };
  for (let done = 0; done < WARM_UP; ) done += await next();
  const wall = performance.now();
  const used = process.cpuUsage();
  let count = 0;
  while (count < Number(values.samples)) count += await next();
  const { user, system } = process.cpuUsage(used);
  const seconds = (performance.now() - wall) / 1000;
  process.send?.({
    cpu: (user + system) / 1e6,
    wall: seconds,
    rss: process.resourceUsage().maxRSS * 1024,
    count,
  });
  await loader.close();
  await dataset.close();
  process.disconnect?.();
}
