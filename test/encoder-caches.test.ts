import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { makeRelease } from "./release-folder.js";
import { HYFW, makeSmallData, node, runNamed, savedTensors } from "./small-run.js";

const ENCODERS = ["sdxl-vae-fp16-fix", "mt5", "clip_text_encoder"];

/** A small model over the encoders and VAE of a release in `ckpts`. */
const PRESET = `
extends: hunyuan-dit-1.2
train: { batchSize: 2 }
samples: { prompts: [] }
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

t.test(
  "latents and text states from caches train the same weights, bit for bit, without the encoders",
  async (t) => {
    const cwd = t.testdir({ "small.yaml": PRESET });
    makeSmallData(cwd, 4);
    const buckets = ["--base-size", "32", "--reso-step", "16", "--align", "16"];
    node(cwd, HYFW, "index", "multireso", "--src", "data/base.json", ...buckets, "--out", "data/wide.json");
    makeRelease(join(cwd, "ckpts"));
    for (const folder of ENCODERS) stamp(join(cwd, "ckpts", "t2i", folder));
    const caches = ["latents-vae", "text-bert-mt5"].flatMap((name) => [
      "--set",
      `plugins.${name}.cache=kept`,
    ]);
    const build = ["cache", "--preset", "./small.yaml", "--threads", "1", "--cache-epochs", "9", ...caches];
    t.match(refused(cwd, ...build.slice(0, -4)), /HYFW_CACHE_NONE/);

    const estimate = node(cwd, HYFW, ...build, "--estimate");
    t.match(estimate, /latents in .*kept: at most \d+ entries, [\d.e-]+ GB/);
    t.match(estimate, /text states in .*kept: at most \d+ entries/);
    t.notOk(existsSync(join(cwd, "kept")), "an estimate makes nothing");

    // One by one, as with a cache: convolutions of several pictures at once round otherwise.
    node(cwd, HYFW, ...TRAIN, "--task-flag", "plain", "--set", "plugins.latents-vae.slice=true");
    const first = node(cwd, HYFW, ...build);
    t.match(first, /latents: [1-9]\d* made, \d+ found; text states: [1-9]\d* made, [1-9]\d* found/);
    t.match(node(cwd, HYFW, ...build), /latents: 0 made, .*text states: 0 made/, "nothing is made twice");

    const entries = readdirSync(join(cwd, "kept"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".tensor"))
      .sort();
    const [cut = "", changed = ""] = entries;
    truncateSync(join(cwd, "kept", cut), 100);
    const bytes = readFileSync(join(cwd, "kept", changed));
    bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1;
    writeFileSync(join(cwd, "kept", changed), bytes);
    t.match(node(cwd, HYFW, ...build), /made \(\d of them were damaged\)/, "damaged entries are made again");

    // Numbers of the same size and time: whoever read them now would train other weights.
    for (const folder of ENCODERS) blank(join(cwd, "ckpts", "t2i", folder));
    const out = node(cwd, HYFW, ...TRAIN, "--task-flag", "kept", ...caches);
    t.match(out, /states kept in .*kept/);
    const [a, b] = ["plain", "kept"].map((name) => savedTensors(runNamed(cwd, name), 4));
    t.ok(b !== undefined && a?.equals(b));
    rmSync(join(cwd, "kept"), { recursive: true });
    node(cwd, HYFW, ...TRAIN, "--task-flag", "blank");
    t.notOk(savedTensors(runNamed(cwd, "blank"), 4).equals(b ?? Buffer.of()), "the blank encoders do differ");
  },
);

/** The second half of each file of weights becomes 0; size and time stay. */
function blank(folder: string): void {
  for (const name of weightsIn(folder)) {
    const bytes = readFileSync(join(folder, name));
    writeFileSync(join(folder, name), bytes.fill(0, bytes.length >> 1));
  }
  stamp(folder);
}

/** Gives files of weights a time that no rounding changes. */
function stamp(folder: string): void {
  for (const name of weightsIn(folder)) utimesSync(join(folder, name), 1_700_000_000, 1_700_000_000);
}

function weightsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
}
