import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { makeRelease } from "./release-folder.js";
import { HYFW, makeSmallData, node, runNamed, savedTensors } from "./small-run.js";

/** A small model over the encoders and VAE of a release in `ckpts`. */
const PRESET = `
extends: hunyuan-dit-1.2
train: { batchSize: 2 }
samples:
  prompts: [一只小猫坐在窗台上, a red heart]
  solver: dpmms
  steps: 2
  resolution: { height: 32, width: 48 }
plugins:
  dataset-arrow: { indexFile: [data/wide.json], imageSize: [32], multireso: true, resoStep: 16, align: 16, alpha: white }
  augmenter-caption: { constructions: [{ column: text_zh }, { column: text_en }], uncondP: 0.3, uncondPT5: 0.3 }
  model-hunyuan-dit: { model: custom, hiddenSize: 32, depth: 2, numHeads: 4, mlpRatio: 4 }
  text-bert-mt5: { textLenT5: 20 }
`;

const TRAIN = ["--preset", "./small.yaml", "--threads", "1", "--max-training-steps", "4"];

/** Runs a command that must fail. @returns what it said */
function refused(cwd: string, ...args: string[]): string {
  try {
    node(cwd, HYFW, ...args);
  } catch (fault) {
    return String((fault as { stderr?: unknown }).stderr);
  }
  throw new Error(`hyfw ${args.join(" ")} was not refused`);
}

t.test("a model trains on real latents and text states, and draws with them", async (t) => {
  const cwd = t.testdir({ "small.yaml": PRESET });
  makeSmallData(cwd, 4);
  const buckets = ["--base-size", "32", "--reso-step", "16", "--align", "16"];
  node(cwd, HYFW, "index", "multireso", "--src", "data/base.json", ...buckets, "--out", "data/wide.json");

  const absent = refused(cwd, ...TRAIN, "--model-root", "nowhere");
  t.match(absent, /HYFW_(TEXT_ENCODER|VAE)_ABSENT/);
  t.match(absent, /run\.modelRoot = ".*nowhere"/);
  t.match(absent, /docs\/models\.md/, "says where it is written what to download");

  makeRelease(join(cwd, "ckpts"));
  const plan = node(cwd, HYFW, ...TRAIN, "--dry-run");
  t.match(plan, /latents +VAE with 4 channels, cells of 8x8 pixels, factor 0\.13025, in float32/);
  t.match(plan, /captions +77 and 20 tokens; mT5 padded with 1 in training, 0 in sampling/);

  const out = node(cwd, HYFW, ...TRAIN, "--task-flag", "drawn", "--set", "samples.every=2");
  t.match(out, /step 4\/4 +loss/);
  const drawn = runNamed(cwd, "drawn");
  t.equal(readdirSync(join(drawn, "samples", "step-000004")).length, 2);
  node(cwd, HYFW, ...TRAIN, "--task-flag", "plain");
  const [a, b] = ["drawn", "plain"].map((name) => savedTensors(runNamed(cwd, name), 4));
  t.ok(b !== undefined && a?.equals(b), "pictures in between change no weight, bit for bit");

  const model = join(drawn, "checkpoints", "step-000004", "model.safetensors");
  const draw = ["--prompt", "一只小猫", "--seed", "7"];
  node(cwd, HYFW, "sample", "--run", "drawn", ...draw, "--out", "one");
  const from = ["sample", "--weights", model, "--preset", "./small.yaml", ...draw];
  const said = node(cwd, HYFW, ...from, "--count", "3", "--batch-size", "1", "--recipes", "--out", "many");
  t.match(said, /weights of .*model\.safetensors/);
  const files = readdirSync(join(cwd, "many"));
  t.same(files, ["01-一只小猫.png", "02-一只小猫.png", "03-一只小猫.png", "comfyui.json", "diffusers.py"]);
  const pixels = (folder: string, n: number): Buffer =>
    idat(readFileSync(join(cwd, folder, `0${n}-一只小猫.png`)));
  t.ok(pixels("many", 1).equals(pixels("one", 1)), "a file draws what the run draws");
  t.notOk(pixels("many", 2).equals(pixels("many", 1)), "each picture has its own noise");
  const recipe = readFileSync(join(cwd, "many", "diffusers.py"), "utf8");
  t.match(recipe, /DPMSolverMultistepScheduler[\s\S]*一只小猫[\s\S]*height=32,[\s\S]*width=48/);
  const text = readFileSync(join(cwd, "many", "02-一只小猫.png")).toString("utf8");
  t.match(text, /糟糕的人脸/, "the negative prompt of the preset stands in the picture");

  const rescaled = [...from, "--out", "rescaled", "--guidance-rescale", "0.7"];
  node(cwd, HYFW, ...rescaled);
  t.notOk(pixels("rescaled", 1).equals(pixels("one", 1)), "guidance rescale acts");

  t.match(refused(cwd, ...from, "--run", "drawn"), /--weights and --run exclude each other/);
  t.match(
    refused(cwd, "sample", "--weights", model, ...draw, "--image-size", "32"),
    /--preset hunyuan-dit-1\.2/,
  );
  t.match(
    refused(cwd, ...from, "--set", "plugins.text-bert-mt5.textLen=100"),
    /textLen is 100, the first encoder has 77 positions/,
  );
});

t.test("folders that do not belong together are refused before anything runs", async (t) => {
  const cwd = t.testdir({ "small.yaml": PRESET, data: {} });
  const ckpts = join(cwd, "ckpts");
  makeRelease(ckpts);
  const draw = ["sample", "--weights", "x.safetensors", "--preset", "./small.yaml", "--prompt", "a"];
  const config = join(ckpts, "t2i", "mt5", "config.json");
  const facts = JSON.parse(readFileSync(config, "utf8"));
  const withConfig = (changed: object): string => {
    writeFileSync(config, JSON.stringify({ ...facts, ...changed }));
    return refused(cwd, ...draw);
  };
  t.match(withConfig({ feed_forward_proj: "relu" }), /HYFW_TEXT_ENCODER_CONFIG[\s\S]*feed_forward_proj/);
  t.match(withConfig({ vocab_size: 100 }), /HYFW_TOKENIZER_VOCABULARY/);
  writeFileSync(config, "{");
  t.match(refused(cwd, ...draw), /HYFW_TEXT_ENCODER_CONFIG[\s\S]*JSON/);
  writeFileSync(config, JSON.stringify(facts));
  t.match(refused(cwd, ...draw, "--set", "plugins.text-bert-mt5.textStatesDim=1024"), /gives states 16 wide/);
  const model = join(ckpts, "t2i", "mt5", "spiece.model");
  writeFileSync(model, readFileSync(model).subarray(0, 4000));
  t.match(refused(cwd, ...draw), /HYFW_TOKENIZER_FILE[\s\S]*spiece\.model is no sentencepiece model/);
  rmSync(model);
  t.match(refused(cwd, ...draw), /mT5's tokenizer is not at/);
});

/** The compressed pixels of a PNG file, without the texts beside them. */
function idat(png: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return Buffer.concat(parts);
}
