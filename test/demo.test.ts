import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { trainingEnv } from "../scripts/setup/addon.mjs";
import { root } from "../scripts/setup/paths.mjs";

const HYFW = join(root, "bin", "hyfw.js");

/** Runs a program of node in a folder. @throws with what it printed when it fails */
function node(cwd: string, ...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd, env: trainingEnv(root), encoding: "utf8" });
}

function weights(run: string, step: number): Buffer {
  const name = `step-${String(step).padStart(6, "0")}`;
  return readFileSync(join(run, "checkpoints", name, "model.safetensors"));
}

/** The tensors of a safetensors file; its header also says which run wrote it. */
function tensorsOf(file: Buffer): Buffer {
  return file.subarray(8 + Number(file.readBigUInt64LE(0)));
}

t.test("the demo's way, in small: pictures, shards, index, training, resume, drawing", async (t) => {
  const cwd = t.testdir({});
  const maker = join(root, "examples", "emoji", "make-data.mjs");
  t.match(node(cwd, maker, "--out", "data", "--limit", "9"), /54 pictures/);
  t.match(node(cwd, HYFW, "pack", "data/train.csv", "--out", "data/shards"), /54/);
  node(cwd, HYFW, "index", "base", "--arrow", "data/shards/*.arrow", "--out", "data/base.json");
  const buckets = ["--base-size", "32", "--reso-step", "8", "--align", "4"];
  node(cwd, HYFW, "index", "multireso", "--src", "data/base.json", ...buckets, "--out", "data/index.json");
  const small = [
    ...["--preset", "demo", "--batch-size", "4", "--threads", "1"],
    ...["--set", "plugins.dataset-arrow.indexFile=[data/index.json]"],
    ...["--set", "plugins.augmenter-name-substitution.tables=[data/names.csv]"],
    ...["--set", "plugins.model-hunyuan-dit.hiddenSize=32", "--set", "plugins.model-hunyuan-dit.depth=2"],
    ...["--set", "samples.every=4", "--set", "samples.steps=2", "--set", "checkpoint.latestEvery=4"],
  ];
  const out = node(cwd, HYFW, ...small, "--max-training-steps", "8", "--task-flag", "whole");
  t.match(out, /step 8\/8 +loss/);
  const whole = join(cwd, "runs", "001-whole");
  for (const file of ["report.html", "metrics.jsonl", "run.json", "settings.json"])
    t.ok(existsSync(join(whole, file)), file);
  t.equal(readdirSync(join(whole, "samples", "step-000008")).length, 6, "a picture per prompt");
  const report = readFileSync(join(whole, "report.html"), "utf8");
  t.match(report, /<svg[\s\S]*step 4<[\s\S]*data:image\/png;base64,[\s\S]*train\.lr/);
  t.notMatch(report, /(src|href)="https?:/, "nothing comes from elsewhere");

  node(
    cwd,
    HYFW,
    ...small,
    "--max-training-steps",
    "4",
    "--task-flag",
    "parts",
    "--set",
    "train.lrSchedule=constant",
  );
  const straight = [...small, "--set", "train.lrSchedule=constant", "--max-training-steps", "8"];
  node(cwd, HYFW, ...straight, "--task-flag", "straight");
  const more = node(cwd, HYFW, "--resume", "parts", "--max-training-steps", "8");
  t.match(more, /going on from step 4/, "a run goes on with its own settings");
  const runs = (name: string) =>
    join(cwd, "runs", readdirSync(join(cwd, "runs")).find((run) => run.endsWith(name)) ?? "");
  const [parts, single] = [weights(runs("-parts"), 8), weights(runs("-straight"), 8)];
  t.ok(
    tensorsOf(parts).equals(tensorsOf(single)),
    "resumed weights are those of an uninterrupted run, bit for bit",
  );

  const drawn = node(
    cwd,
    HYFW,
    "sample",
    "--run",
    "whole",
    "--prompt",
    "一只小猫",
    "--out",
    "drawn",
    "--infer-steps",
    "2",
  );
  t.match(drawn, /001-whole, step 8, ema weights, seed 42[\s\S]*drawn\/01-一只小猫\.png/);
  t.same(readdirSync(join(cwd, "drawn")), ["01-一只小猫.png"]);
});
