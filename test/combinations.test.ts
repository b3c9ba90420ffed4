import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { noProcessGroups } from "@hyfw/native";
import t from "tap";
import {
  checkpointOf,
  lastMetrics,
  startHyfw,
  train,
} from "../packages/core/src/launch/hyfw-process.fixture.js";
import { trainingEnv } from "../scripts/setup/addon.mjs";
import { root } from "../scripts/setup/paths.mjs";

// docs/acceleration.md names this file: each cell of its table is a case here, with the real model in small.

const skip = noProcessGroups() === "" ? false : noProcessGroups();
const HYFW = join(root, "bin", "hyfw.js");

/** Options beside a ZeRO stage; several at once where they do not touch each other. */
const CASES: Readonly<Record<string, { words: readonly string[]; tolerance: number }>> = {
  // Sums in another order, over three steps of an optimizer that divides by small numbers.
  "accumulation, checkpointing and offload": {
    words: ["--grad-accu-steps", "2", "--gradient-checkpointing", "--cpu-offloading", "--no-fp16"],
    tolerance: 2e-5,
  },
  // Products are rounded to 8 bits, and which sums are rounded depends on the batch.
  "selective checkpointing in bfloat16": {
    words: [
      "--gradient-checkpointing",
      "--gc-mode",
      "selective",
      "--set",
      "plugins.accelerator-precision.dtype=bf16",
    ],
    tolerance: 5e-3,
  },
  "float16 with the official loss scale": {
    words: ["--use-fp16", "--set", "plugins.accelerator-precision.lossScale=legacy"],
    tolerance: 2e-3,
  },
  LoRA: { words: ["--preset", "lora", "--set", "plugins.adapter-lora.rank=4", "--no-fp16"], tolerance: 2e-5 },
};

t.test("ZeRO with every other acceleration equals one process of twice the batch", { skip }, async (t) => {
  const cwd = t.testdir({});
  const run = (script: string, ...words: string[]): void => {
    execFileSync(process.execPath, [script, ...words], { cwd, env: trainingEnv(root), encoding: "utf8" });
  };
  run(join(root, "examples", "emoji", "make-data.mjs"), "--out", "data", "--limit", "9");
  run(HYFW, "pack", "data/train.csv", "--out", "data/shards");
  run(HYFW, "index", "base", "--arrow", "data/shards/*.arrow", "--out", "data/base.json");
  const buckets = ["--base-size", "32", "--reso-step", "8", "--align", "4"];
  run(HYFW, "index", "multireso", "--src", "data/base.json", ...buckets, "--out", "data/index.json");
  const base = [
    ...["--preset", "demo", "--preset", "tiny", "--set", "plugins.dataset-arrow.indexFile=[data/index.json]"],
    // ZeRO cuts matrices, so the demo has neither it nor an optimizer that it goes with.
    ...["--set", "plugins.accelerator-zero={}", "--set", "plugins.optimizer-muon=$delete"],
    ...["--set", "plugins.optimizer-adamw={}", "--lr", "1e-3"],
    ...["--set", "plugins.augmenter-name-substitution=$delete", "--threads", "1", "--sample-every", "0"],
    ...["--set", "train.warmupSteps=0", "--lr", "1e-3"],
  ];
  let start: string[] = [];
  for (const [name, { words, tolerance }] of Object.entries(CASES)) {
    const more = name === "LoRA" ? [...words, ...start] : words;
    await train(cwd, [...base, ...more, "--batch-size", "4"]);
    // A model whose last layer is still 0 gives an adapter nothing to learn.
    if (start.length === 0) start = ["--resume-module-root", join(checkpointOf(cwd, 3), "model.safetensors")];
    const alone = lastMetrics(cwd);
    t.equal(alone.length, 3, `${name}: three steps alone`);
    for (const stage of [1, 2, 3]) {
      const spread = ["--nproc", "2", "--batch-size", "2", "--use-zero-stage", String(stage)];
      await train(cwd, [...base, ...more, ...spread]);
      for (const [n, { step, loss, gradNorm }] of lastMetrics(cwd).entries()) {
        const wanted = alone[n] ?? { loss: Number.NaN, gradNorm: Number.NaN };
        const apart = Math.abs(loss - wanted.loss) / wanted.loss;
        const normsApart = Math.abs(gradNorm - wanted.gradNorm) / wanted.gradNorm;
        t.ok(apart < tolerance, `stage ${stage}, ${name}: loss of step ${step} within ${apart}`);
        t.ok(normsApart < 10 * tolerance, `stage ${stage}, ${name}: norm within ${normsApart}`);
      }
    }
  }
  const gradients = ["--cpu-offloading", "--set", "plugins.accelerator-cpu-offload.gradients=true"];
  const refused = startHyfw(cwd, [...base, ...gradients, "--nproc", "2", "--batch-size", "2"]);
  t.not((await refused.end).code, 0);
  t.match(refused.said.err, /HYFW_OFFLOAD_SETTING_GRADIENTS/, "gradients in host memory are refused by name");
});
