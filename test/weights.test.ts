import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { HYFW, makeSmallData, node, runNamed, SMALL, savedTensors } from "./small-run.js";

/** Flags of the small runs that `hyfw sample` takes: presets and settings. */
const SAMPLED = SMALL.flatMap((flag, i) =>
  flag === "--preset" || flag === "--set" ? [flag, SMALL[i + 1] ?? ""] : [],
);

/** The compressed pixels of a PNG that hyfw wrote, without the texts inside. */
function pixelsOf(png: Buffer): Buffer {
  const at = png.indexOf("IDAT");
  return png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4));
}

t.test(
  "a LoRA beside a model from another program's file: trained, resumed, drawn with, renamed",
  async (t) => {
    const cwd = t.testdir({});
    makeSmallData(cwd, 4);
    node(cwd, HYFW, ...SMALL, "--max-training-steps", "4", "--task-flag", "base");
    // The text encoders of the small runs are trained along and are not part of what other programs read.
    const base = runNamed(cwd, "base");
    const start = ["--resume-module-root", base, "--set", "train.lrSchedule=constant"];
    const checkpoint = join(base, "checkpoints", "step-000004");
    const lora = [...SMALL, "--preset", "lora", "--rank", "4", ...start.slice(2)];
    const from = ["--resume-module-root", join(checkpoint, "model.safetensors")];

    const out = node(cwd, HYFW, ...lora, ...from, "--max-training-steps", "4", "--task-flag", "parts");
    t.match(out, /adapter LoRA +rank 4, alpha 4, beside 10 layers/);
    t.match(out, /starting from .*model\.safetensors/);
    const parts = runNamed(cwd, "parts");
    t.same(readdirSync(join(parts, "checkpoints", "step-000004")).sort(), [
      "adapter_config.json",
      "adapter_model.safetensors",
      "manifest.json",
      "optimizer-rank0.safetensors",
      "state.json",
    ]);
    const config = JSON.parse(
      readFileSync(join(parts, "checkpoints", "step-000004", "adapter_config.json"), "utf8"),
    );
    t.match(config, { peft_type: "LORA", r: 4, lora_alpha: 4 });
    t.equal(config.target_modules.length, 10);

    node(cwd, HYFW, ...lora, ...from, "--max-training-steps", "8", "--task-flag", "straight");
    node(cwd, HYFW, "--resume", "parts", "--max-training-steps", "8");
    const [resumed, straight] = ["parts", "straight"].map((name) =>
      savedTensors(runNamed(cwd, name), 8, "adapter_model.safetensors"),
    );
    t.ok(straight !== undefined && resumed?.equals(straight), "resumed as if never stopped, bit for bit");

    const steps = ["--infer-steps", "2"];
    node(cwd, HYFW, "sample", "--run", "straight", "--prompt", "一只猫", "--out", "adapted", ...steps);
    node(
      cwd,
      HYFW,
      "sample",
      "--run",
      "base",
      "--state",
      "module",
      "--prompt",
      "一只猫",
      "--out",
      "plain",
      ...steps,
    );
    const [adapted, plain] = ["adapted", "plain"].map((folder) =>
      readFileSync(join(cwd, folder, "01-一只猫.png")),
    );
    t.notSame(adapted, plain, "the adapter acts");
    const model = join(checkpoint, "model.safetensors");
    const adapter = join(runNamed(cwd, "straight"), "checkpoints", "step-000008");
    const drawAdded = (out: string, lora: string): Buffer => {
      const order = ["sample", "--weights", model, "--lora", lora, ...SAMPLED, "--prompt", "一只猫"];
      t.match(node(cwd, HYFW, ...order, "--out", out, "--grid", ...steps), /plus [\d.]+ x .*step-000008/);
      return pixelsOf(readFileSync(join(cwd, out, "01-一只猫.png")));
    };
    t.ok(drawAdded("added", adapter).equals(pixelsOf(adapted)), "added to the weights it draws the same");
    t.ok(drawAdded("none", `${adapter}:0`).equals(pixelsOf(plain)), "at strength 0 it does nothing");
    t.ok(
      pixelsOf(readFileSync(join(cwd, "none", "grid.png"))).equals(pixelsOf(plain)),
      "a grid of one picture is the picture",
    );
    t.throws(() => node(cwd, HYFW, "sample", "--lora", adapter, "--prompt", "一只猫"), {
      message: /HYFW_USAGE_SAMPLES_LORA/,
    });

    const folder = join(runNamed(cwd, "straight"), "checkpoints", "step-000008");
    t.match(node(cwd, HYFW, "inspect", folder), /LoRA of 10 layers in peft names, rank 4, alpha 4/);
    // The base holds the small runs' text encoders too, which are no part of HunyuanDiT.
    t.throws(() => node(cwd, HYFW, "merge", model, folder, "merged.safetensors"), {
      message: /HYFW_DIT_WEIGHTS_MISFIT[\s\S]*text_encoder/,
    });
    node(cwd, HYFW, "convert", folder, "kohya.safetensors", "--to", "kohya");
    t.match(
      node(cwd, HYFW, "inspect", "kohya.safetensors"),
      /LoRA of 10 layers in kohya names, rank 4, alpha 4/,
    );
  },
);

t.test("only the tensors that are named are trained, and the file stays whole", async (t) => {
  const cwd = t.testdir({});
  makeSmallData(cwd, 4);
  const only = ["--set", "train.only=['final_layer.*']"];
  const out = node(cwd, HYFW, ...SMALL, ...only, "--max-training-steps", "2", "--task-flag", "only");
  t.match(out, /trained +[\d,]+ parameters in \d+ tensors, float32, beside [\d,]+ of the model/);
  const other = ["--set", "train.only=['final_layer.linear.bias']"];
  node(cwd, HYFW, ...SMALL, ...other, "--max-training-steps", "2", "--task-flag", "other");
  const { openSafetensors, tidy } = await import("@hyfw/native");
  const [trained, still] = ["only", "other"].map((name) =>
    openSafetensors(join(runNamed(cwd, name), "checkpoints", "step-000002", "model.safetensors")),
  );
  if (trained === undefined || still === undefined) throw new Error("there are two files");
  t.same(trained.names(), still.names());
  for (const name of trained.names())
    tidy(() => {
      const change = trained.get(name).sub(still.get(name)).abs().sum().item();
      const isNamed = name.startsWith("final_layer.");
      if (!isNamed) t.equal(change, 0, `${name} stays`);
      else if (name === "final_layer.linear.weight") t.ok(change > 1e-3, `${name} moves, ${change}`);
    });
  t.throws(() => node(cwd, HYFW, ...SMALL, "--set", "train.only=['bloks.*']", "--dry-run"), {
    message: /HYFW_SETTINGS_TRAIN_ONLY/,
  });
});
