// @ts-check
// Loading DiT-g/2 from a file of 3 GB (float16) into float32 parameters, against reading the file: time with the
// file's pages dropped from memory before each, and the memory that loading takes beside the mapped file.
//   node benchmarks/load.mjs [--rounds 3] [--dir FOLDER]     needs 3 GB of disk and 7 GB of memory, Linux
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadModel } from "@hyfw/core/engine";
import { streamSafetensors, tidy, zeros } from "@hyfw/native";
import { largeModel } from "./synthetic-run.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    dir: { type: "string", default: tmpdir() },
    load: { type: "string" },
  },
});

/** Bytes of this process by a line of /proc/self/status. @param {string} what */
const kib = (what) =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;

if (values.load !== undefined) {
  const before = kib("RssAnon");
  const began = performance.now();
  const model = await largeModel({ device: "cpu", seed: 1, isBlank: true });
  loadModel(model, { model: values.load, state: "auto", allowMissing: false });
  const seconds = (performance.now() - began) / 1000;
  const parameters = model.parameters.reduce((sum, { storage }) => sum + storage.numel * 4, 0);
  console.log(JSON.stringify({ seconds, parameters, anonymous: kib("RssAnon") - before }));
} else {
  const folder = mkdtempSync(join(values.dir, "hyfw-load-"));
  const path = join(folder, "model.safetensors");
  try {
    const { parameters } = await largeModel({ device: "meta", seed: 1 });
    streamSafetensors(
      path,
      parameters.map(({ name, shape }) => ({
        name,
        shape,
        dtype: /** @type {const} */ ("float16"),
        get: () => tidy(() => zeros(shape, { dtype: "float16" })),
      })),
    );
    /** @param {string} file */
    const drop = (file) =>
      execFileSync("dd", [`if=${file}`, "iflag=nocache", "count=0"], { stdio: "ignore" });
    const reads = [];
    const loads = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      drop(path);
      const began = performance.now();
      execFileSync("dd", [`if=${path}`, "of=/dev/null", "bs=4M"], { stdio: "ignore" });
      reads.push((performance.now() - began) / 1000);
      drop(path);
      const out = execFileSync(process.execPath, [import.meta.filename, "--load", path], {
        encoding: "utf8",
      });
      loads.push(JSON.parse(out.trim().split("\n").at(-1) ?? ""));
    }
    const read = Math.min(...reads);
    const load = Math.min(...loads.map(({ seconds }) => seconds));
    const memory = Math.max(...loads.map(({ anonymous, parameters: bytes }) => anonymous / bytes));
    console.log(
      `reading ${read.toFixed(2)} s (${reads.map((s) => s.toFixed(2)).join(", ")}), loading ${load.toFixed(2)} s (${loads.map(({ seconds }) => seconds.toFixed(2)).join(", ")}), ratio ${(load / read).toFixed(2)}; memory ${memory.toFixed(3)} of the parameters' float32 bytes`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
