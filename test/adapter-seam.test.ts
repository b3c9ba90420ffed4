import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, tidy } from "@hyfw/native";
import t from "tap";
import { root } from "../scripts/setup/paths.mjs";
import { HYFW, makeSmallData, node, runNamed, SMALL, savedTensors } from "./small-run.js";

const PLUGIN = `plugins.${JSON.stringify(join(root, "test", "skip-residual.plugin.ts"))}`;
const CONSTANT = ["--set", "train.lrSchedule=constant"];

t.test("a plugin adds a residual to every long skip without touching the model", async (t) => {
  const cwd = t.testdir({});
  makeSmallData(cwd, 4);
  // Six blocks: the first two write skips that the last two read.
  const small = [...SMALL, ...CONSTANT, "--set", "plugins.model-hunyuan-dit.depth=6"];
  node(cwd, HYFW, ...small, "--max-training-steps", "4", "--task-flag", "base");
  const base = join(runNamed(cwd, "base"), "checkpoints", "step-000004", "model.safetensors");

  const control = [
    ...[...small, "--set", `${PLUGIN}={}`, "--set", "train.ema.enabled=false"],
    ...["--resume-module-root", base, "--lr", "1e-2"],
  ];
  const out = node(cwd, HYFW, ...control, "--max-training-steps", "8", "--task-flag", "straight");
  t.match(out, /adapter skip residual +brightness into 2 skips/);
  const straight = runNamed(cwd, "straight");
  const saved = join(straight, "checkpoints", "step-000008", "adapter_model.safetensors");
  const learned = tidy(() =>
    Object.entries(readSafetensors(saved)).map(
      ([name, tensor]) => [name, tensor.abs().max().item()] as const,
    ),
  );
  t.same(
    learned.map(([name]) => name),
    ["control.skip.0.weight", "control.skip.0.bias", "control.skip.1.weight", "control.skip.1.bias"],
  );
  for (const [name, largest] of learned) t.ok(largest > 1e-3, `${name} was trained: ${largest}`);

  node(cwd, HYFW, ...control, "--max-training-steps", "4", "--task-flag", "parts");
  node(cwd, HYFW, "--resume", "parts", "--max-training-steps", "8");
  const [parts, whole, recomputed] = ["parts", "straight", "recomputed"].map((name) => {
    if (name === "recomputed")
      node(
        cwd,
        HYFW,
        ...control,
        "--gradient-checkpointing",
        "--max-training-steps",
        "8",
        "--task-flag",
        name,
      );
    return savedTensors(runNamed(cwd, name), 8, "adapter_model.safetensors");
  });
  t.ok(whole !== undefined && parts?.equals(whole), "resumed bit for bit");
  t.ok(whole !== undefined && recomputed?.equals(whole), "gradient checkpointing changes no bit here");

  const draw = (name: string, brightness: number): Buffer => {
    const hint = ["--set", `${PLUGIN}.drawn=${brightness}`];
    node(cwd, HYFW, ...[...control, ...hint], "--max-training-steps", "8", "--task-flag", name);
    return readFileSync(firstPicture(cwd, name));
  };
  t.notOk(draw("dark", -1).equals(draw("light", 1)), "drawing follows the hint");
});

function firstPicture(cwd: string, name: string): string {
  return join(runNamed(cwd, name), "samples", "step-000008", "01-一个立体的圆脸表情-嘿嘿-白色背景.png");
}
