import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { root } from "../scripts/setup/paths.mjs";
import { HYFW, makeSmallData, node, runNamed, savedTensors } from "./small-run.js";

const EXAMPLE: readonly string[] = [
  ...["--config", join(root, "examples", "class-dit", "hyfw.config.yaml")],
  ...["--batch-size", "4", "--threads", "1", "--set", "train.lrSchedule=constant"],
  ...["--set", "plugins.dataset-arrow.indexFile=[data/index.json]"],
  ...["--set", "plugins.$MODEL.hiddenSize=32", "--set", "plugins.$MODEL.depth=2"],
  ...["--set", "plugins.$MODEL.classes=[smileys, cats, hearts, animals, fruit, flags]"],
  ...["--set", "samples.every=4", "--set", "samples.steps=2", "--set", "checkpoint.latestEvery=2"],
].map((text) => text.replace("$MODEL", JSON.stringify(join(root, "examples", "class-dit", "class-dit.ts"))));

t.test("the example model trains, resumes, recomputes and draws through the same engine", async (t) => {
  const cwd = t.testdir({});
  makeSmallData(cwd, 6);
  const train = (name: string, steps: number, ...more: readonly string[]) =>
    node(cwd, HYFW, ...EXAMPLE, ...more, "--max-training-steps", String(steps), "--task-flag", name);

  t.match(train("whole", 4), /class-conditional DiT: width 32, 2 blocks[\s\S]*step 4\/4 +loss/);
  const whole = savedTensors(runNamed(cwd, "whole"), 4);
  t.equal(
    readdirSync(join(runNamed(cwd, "whole"), "samples", "step-000004")).length,
    5,
    "a picture per prompt",
  );

  train("parts", 2);
  node(cwd, HYFW, "--resume", "parts", "--max-training-steps", "4");
  t.ok(whole.equals(savedTensors(runNamed(cwd, "parts"), 4)), "resumed weights are the same bit for bit");

  train("recomputed", 4, "--gradient-checkpointing");
  const worst = largestDifference(whole, savedTensors(runNamed(cwd, "recomputed"), 4));
  t.ok(worst < 1e-5, `gradient checkpointing changes weights by at most ${worst}`);

  node(cwd, HYFW, "sample", "--run", "whole", "--prompt", "hearts", "--infer-steps", "2", "--out", "drawn");
  t.same(readdirSync(join(cwd, "drawn")), ["01-hearts.png"]);
  t.throws(
    () => node(cwd, HYFW, "sample", "--run", "whole", "--prompt", "herats"),
    /HYFW_CLASS_DIT_CLASS: "herats" is not a class/,
  );
});

t.test("a LoRA trains beside the example model's frozen weights", async (t) => {
  const cwd = t.testdir({});
  makeSmallData(cwd, 6);
  node(cwd, HYFW, ...EXAMPLE, "--max-training-steps", "4", "--task-flag", "base");
  const weights = join(runNamed(cwd, "base"), "checkpoints", "step-000004", "model.safetensors");
  const adapted = [
    ...["--set", "plugins.adapter-lora={rank: 2, targetModules: [qkv, proj]}", "--lr", "1e-2"],
    ...["--set", "train.ema.enabled=false", "--resume-module-root", weights],
    ...["--set", "plugins.optimizer-muon=$delete", "--set", "plugins.optimizer-adamw={}"],
  ];
  const out = node(cwd, HYFW, ...EXAMPLE, ...adapted, "--max-training-steps", "4", "--task-flag", "lora");
  t.match(out, /rank 2, alpha 2, beside 4 layers/);
  const saved = join(runNamed(cwd, "lora"), "checkpoints", "step-000004");
  t.ok(existsSync(join(saved, "adapter_config.json")), readdirSync(saved).join());
  const config = JSON.parse(readFileSync(join(saved, "adapter_config.json"), "utf8"));
  t.same(config.target_modules, [
    "blocks.0.attn.qkv",
    "blocks.0.attn.proj",
    "blocks.1.attn.qkv",
    "blocks.1.attn.proj",
  ]);
  t.equal(
    readdirSync(join(runNamed(cwd, "lora"), "samples", "step-000004")).length,
    5,
    "drawn with the adapter",
  );
});

function largestDifference(one: Buffer, other: Buffer): number {
  const numbers = (bytes: Buffer) => new Float32Array(Uint8Array.from(bytes).buffer);
  const [a, b] = [numbers(one), numbers(other)];
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}
