import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { trainingEnv } from "../scripts/setup/addon.mjs";
import { root } from "../scripts/setup/paths.mjs";

export const HYFW = join(root, "bin", "hyfw.js");

/** Runs a program of node in a folder. @throws with what it printed when it fails */
export function node(cwd: string, ...args: string[]): string {
  return execFileSync(process.execPath, args, {
    cwd,
    env: trainingEnv(root),
    encoding: "utf8",
    stdio: "pipe",
  });
}

/** Pictures of the demo in `data`, packed and indexed through hyfw's commands. @returns what making them printed */
export function makeSmallData(cwd: string, limit: number): string {
  const maker = join(root, "examples", "emoji", "make-data.mjs");
  const made = node(cwd, maker, "--out", "data", "--limit", String(limit));
  const packed = node(cwd, HYFW, "pack", "data/train.csv", "--out", "data/shards");
  node(cwd, HYFW, "index", "base", "--arrow", "data/shards/*.arrow", "--out", "data/base.json");
  const buckets = ["--base-size", "32", "--reso-step", "8", "--align", "4"];
  node(cwd, HYFW, "index", "multireso", "--src", "data/base.json", ...buckets, "--out", "data/index.json");
  return made + packed;
}

/** Flags that train the demo's preset on such data with a network of a few thousand numbers. */
export const SMALL: readonly string[] = [
  ...["--preset", "demo", "--batch-size", "4", "--threads", "1"],
  ...["--set", "plugins.dataset-arrow.indexFile=[data/index.json]"],
  ...["--set", "plugins.augmenter-name-substitution.tables=[data/names.csv]"],
  ...["--set", "plugins.model-hunyuan-dit.hiddenSize=32", "--set", "plugins.model-hunyuan-dit.depth=2"],
  ...["--set", "plugins.optimizer-muon=$delete", "--set", "plugins.optimizer-adamw={}", "--lr", "1e-3"],
  ...["--set", "samples.every=4", "--set", "samples.steps=2", "--set", "checkpoint.latestEvery=4"],
];

/** The run of this name in `runs`. */
export function runNamed(cwd: string, name: string): string {
  const found = readdirSync(join(cwd, "runs")).find((run) => run.endsWith(`-${name}`));
  return join(cwd, "runs", found ?? "none");
}

/** A checkpoint's file, without the header, which also says which run wrote it. */
export function savedTensors(run: string, step: number, file = "model.safetensors"): Buffer {
  const name = `step-${String(step).padStart(6, "0")}`;
  const bytes = readFileSync(join(run, "checkpoints", name, file));
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
}
