import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MetricsLine } from "@hyfw/core";
import t from "tap";
import { HYFW, makeSmallData, node, runNamed, SMALL } from "./small-run.js";

const metricsOf = (cwd: string, name: string): MetricsLine[] =>
  readFileSync(join(runNamed(cwd, name), "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line): MetricsLine => JSON.parse(line));

const set = (...settings: string[]): string[] => settings.flatMap((one) => ["--set", one]);
const model = (...options: string[]): string[] =>
  set(...options.map((one) => `plugins.model-hunyuan-dit.${one}`));

t.test("the real model with every option of losses, groups, 8 bits and validation at once", async (t) => {
  const cwd = t.testdir({});
  makeSmallData(cwd, 60);
  const validation = ["--validation-every", "2", "--validation-fraction", "0.2", "--validation-samples", "8"];
  const train = (name: string, ...more: string[]): string =>
    node(cwd, HYFW, ...SMALL, "--max-training-steps", "4", "--task-flag", name, ...validation, ...more);
  const lora = [
    ...["--preset", "rtx3090-lora-8bit", "--preset", "tiny", "--max-training-steps", "4"],
    ...set("plugins.dataset-arrow.indexFile=[data/index.json]"),
  ];
  const groups = set("train.groups=[{match: ['*.lora_B.weight'], lr: 4, weightDecay: 0.1}]");
  const adapted = node(cwd, HYFW, ...lora, ...groups, ...validation, "--task-flag", "lora");
  t.match(adapted, /optimizer +8-bit AdamW, .* tensors in 8 bits, weight decay 0\.1 on \d+ of \d+ tensors/);
  t.match(adapted, /groups +\*\.lora_B\.weight: \d+ tensors, [\d,]+ parameters, learning rate × 4/);
  t.match(adapted, /step 4\/4 +loss [\d.]+ +validation [\d.]+/);
  const drawn = [
    ...model("pyramidNoise=0.6", "noiseOffset=0", "mseLossWeightType=debiased"),
    ...model("timestepSampling=logit_normal", "timestepRange=[0, 499]", "timestepWeights=[1, 3]"),
    ...["--log-every", "1", "--lr", "1e-30", "--set", "train.minLr=0", "--set", "train.warmupSteps=0"],
  ];
  const out = train("weighed", ...drawn);
  t.match(
    out,
    /training +squared error weighs debiased, timesteps logit-normal around 0, spread 1, from 0 to 499/,
  );
  const weighed = metricsOf(cwd, "weighed");
  for (const { lossByTimestep, lossByCaption } of weighed) {
    t.same(
      Object.keys(lossByTimestep).filter((band) => !["0-249", "250-499"].includes(band)),
      [],
    );
    t.ok(Object.keys(lossByCaption).length > 0);
  }
  // The weights stay as they began, so whatever training draws and weighs, the validation loss is one number.
  train("plain", "--log-every", "1", "--lr", "1e-30", ...set("train.minLr=0", "train.warmupSteps=0"));
  const losses = [...weighed, ...metricsOf(cwd, "plain")].flatMap(({ validation: one }) => one?.loss ?? []);
  t.equal(losses.length, 4);
  t.equal(new Set(losses).size, 1, `${losses}`);
  const bands = Object.keys(weighed[1]?.validation?.lossByTimestep ?? {});
  t.same(bands, ["0-249", "250-499", "500-749", "750-999"], "validation looks at the whole schedule");
});

t.test("contradicting options are refused by name", async (t) => {
  const cwd = t.testdir({});
  const refused: [string[], RegExp][] = [
    [model("timestepRange=[500, 100]"), /timestepRange.*the first timestep, then the last/],
    [model("timestepWeights=[0, 1]", "timestepRange=[0, 100]"), /timestepWeights.*a weight above 0/],
    [model("pyramidNoise=0.5", "noiseOffset=0.1"), /pyramidNoise.*0, since noiseOffset is set/],
    [model("timestepMean=1"), /timestepMean.*its default, since timestepSampling is uniform/],
    [model("mseLossWeightType=min_snr"), /mseLossWeightType.*min_snr_exact_/],
  ];
  for (const [words, message] of refused)
    t.throws(() => node(cwd, HYFW, "--preset", "demo", ...words, "--dry-run"), { message });
});
