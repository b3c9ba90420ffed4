import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { HYFW, makeSmallData, node, runNamed, SMALL, savedTensors } from "./small-run.js";

t.test("the demo's way, in small: pictures, shards, index, training, resume, drawing", async (t) => {
  const cwd = t.testdir({});
  const made = makeSmallData(cwd, 9);
  t.match(made, /54 pictures/);
  const out = node(cwd, HYFW, ...SMALL, "--max-training-steps", "8", "--task-flag", "whole");
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
    ...SMALL,
    "--max-training-steps",
    "4",
    "--task-flag",
    "parts",
    "--set",
    "train.lrSchedule=constant",
  );
  const straight = [...SMALL, "--set", "train.lrSchedule=constant", "--max-training-steps", "8"];
  node(cwd, HYFW, ...straight, "--task-flag", "straight");
  const more = node(cwd, HYFW, "--resume", "parts", "--max-training-steps", "8");
  t.match(more, /going on from step 4/, "a run goes on with its own settings");
  const [parts, single] = ["parts", "straight"].map((name) => savedTensors(runNamed(cwd, name), 8));
  t.ok(
    single !== undefined && parts?.equals(single),
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
    "--prompt",
    "a red heart",
    "--out",
    "drawn",
    "--infer-steps",
    "2",
  );
  t.match(drawn, /001-whole, step 8, ema weights, seed 42[\s\S]*drawn\/01-一只小猫\.png/);
  t.same(readdirSync(join(cwd, "drawn")).sort(), ["01-一只小猫.png", "02-a-red-heart.png"]);
});
