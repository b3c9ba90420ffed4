import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { noProcessGroups, openSafetensors, Scope } from "@hyfw/native";
import t from "tap";
import {
  checkpointOf,
  lastRun,
  train,
  worstDifference,
  writeTinyConfig,
} from "../packages/core/src/launch/hyfw-process.fixture.js";

const skip = noProcessGroups() === "" ? false : noProcessGroups();
const STEPS = 6;

interface Case {
  readonly name: string;
  readonly options: object;
  readonly lr: number;
  /** How far weights may be from those of one process, in learning rates: sums are in another order. */
  readonly off: number;
  /** Of ZeRO. */
  readonly stage: number;
}

const CASES: readonly Case[] = [
  { name: "lion", options: { weightDecay: 0.1 }, lr: 0.001, off: 1e-3, stage: 1 },
  { name: "schedule-free", options: { weightDecay: 0.1 }, lr: 0.01, off: 1e-3, stage: 3 },
  { name: "prodigy", options: { d0: 1e-3 }, lr: 1, off: 1e-5, stage: 1 },
  // Blocks of stretches are not those of whole arrays, so codes round otherwise.
  { name: "adamw-8bit", options: { leastNumbers: 1, weightDecay: 0.1 }, lr: 0.01, off: 0.5, stage: 3 },
];

const GROUPS = ["--set", "train.groups=[{match: ['*.bias', 'final.*'], lr: 0.5, weightDecay: 0.02}]"];
const words = (lr: number): string[] => [
  ...["--max-training-steps", String(STEPS), "--lr", String(lr), "--ckpt-every", "3", ...GROUPS],
];
const PICTURES = ["--sample-every", "3", "--set", "samples.prompts=[瓷器]", "--set", "samples.steps=2"];
const SIZE = ["--set", "samples.resolution={height: 4, width: 8}"];
const two = ["--batch-size", "2", "--nproc", "2"];

/** Weights and averages of a checkpoint that holds them whole. */
function weightsOf(cwd: string, file = "model.safetensors"): Record<string, number[]> {
  using scope = new Scope();
  const opened = openSafetensors(join(checkpointOf(cwd, STEPS), file));
  return Object.fromEntries(
    opened.names().map((name) => [name, scope.run(() => opened.get(name).toArray())]),
  );
}

/** Every tensor file of the last checkpoint, byte for byte, without headers, which name the settings. */
function tensorsOf(cwd: string): Record<string, string> {
  const folder = checkpointOf(cwd, STEPS);
  const files = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  return Object.fromEntries(
    files.map((name) => {
      const bytes = readFileSync(join(folder, name));
      return [name, bytes.subarray(8 + Number(bytes.readBigUInt64LE(0))).toString("base64")];
    }),
  );
}

for (const { name, options, lr, off, stage } of CASES)
  t.test(`${name}, with groups: resume is exact, ZeRO gives what one process gives`, { skip }, async (t) => {
    const root = t.testdir({ alone: {}, resumed: {}, spread: {}, "spread-resumed": {} });
    const folder = (part: string, plugins: object = {}): string => {
      const cwd = join(root, part);
      writeTinyConfig(cwd, { [`optimizer-${name}`]: options, ...plugins }, false);
      return cwd;
    };
    const alone = folder("alone");
    const out = await train(alone, [...words(lr), "--batch-size", "4"]);
    t.match(
      out,
      /groups +\*\.bias, final\.\*: \d+ tensors, [\d,]+ parameters, learning rate × 0\.5, weight decay 0\.02/,
    );
    const resumed = folder("resumed");
    await train(resumed, [...words(lr), "--batch-size", "4", "--max-training-steps", "3"]);
    await train(resumed, [...words(lr), "--batch-size", "4", "--resume"]);
    t.same(tensorsOf(resumed), tensorsOf(alone), "resumed: weights, states and averages");
    const spread = folder("spread", { "accelerator-zero": { stage } });
    await train(spread, [...words(lr), ...two]);
    const worst = worstDifference(weightsOf(alone), weightsOf(spread)) / lr;
    t.ok(worst < off, `stage ${stage}: weights differ by ${worst} learning rates`);
    const again = folder("spread-resumed", { "accelerator-zero": { stage } });
    await train(again, [...words(lr), ...two, "--max-training-steps", "3"]);
    await train(again, [...words(lr), ...two, "--resume"]);
    t.same(tensorsOf(again), tensorsOf(spread), `stage ${stage}, resumed: weights, states and averages`);
  });

t.test("schedule-free: pictures and ema.safetensors have the average, spread or not", { skip }, async (t) => {
  const root = t.testdir({ alone: {}, "zero-3": {} });
  const pictures: Buffer[] = [];
  for (const [part, more] of [
    ["alone", ["--batch-size", "4"]],
    ["zero-3", two],
  ] as const) {
    const cwd = join(root, part);
    const zero: Record<string, object> = part === "alone" ? {} : { "accelerator-zero": { stage: 3 } };
    writeTinyConfig(cwd, { "optimizer-schedule-free": {}, ...zero }, false);
    await train(cwd, [...words(0.02), ...PICTURES, ...SIZE, ...more]);
    pictures.push(readFileSync(join(lastRun(cwd), "samples/step-000006/01-瓷器.png")));
  }
  const [alone, spread] = pictures;
  t.ok(alone !== undefined && spread?.subarray(-200).equals(alone.subarray(-200)), "the same picture");
  const cwd = join(root, "alone");
  const [trained, average] = [weightsOf(cwd), weightsOf(cwd, "ema.safetensors")];
  const states = weightsOf(cwd, "optimizer-rank0.safetensors");
  for (const [name, y] of Object.entries(trained))
    for (const [i, one] of y.entries()) {
      const z = states[`${name}.z`]?.[i] ?? Number.NaN;
      const x = average[name]?.[i] ?? Number.NaN;
      if (!(Math.abs(one - (0.1 * z + 0.9 * x)) < 1e-6)) t.fail(`${name} ${i}`);
    }
  t.ok(worstDifference(trained, average) > 1e-4);
});

t.test("what cannot be right is refused, with why", { skip }, async (t) => {
  const cwd = t.testdir({});
  const refused = async (plugins: Record<string, object>, more: readonly string[], message: RegExp) => {
    writeTinyConfig(cwd, plugins, false);
    await t.rejects(train(cwd, [...words(0.01), ...more]), { message });
  };
  const zero = { "accelerator-zero": { stage: 1 } };
  await refused(
    { "optimizer-adafactor": {}, ...zero },
    two,
    /HYFW_ADAFACTOR_STRETCH[\s\S]*optimizer-adamw-8bit/,
  );
  await refused(
    { "optimizer-prodigy": {}, "accelerator-cpu-offload": { enabled: true } },
    ["--batch-size", "4"],
    /HYFW_SETTINGS_OPTIMIZER_PARTS[\s\S]*Prodigy estimates one step size/,
  );
  await refused({ "optimizer-schedule-free": {} }, ["--use-ema"], /HYFW_SETTINGS_AVERAGE_TWICE/);
  writeTinyConfig(cwd, { "optimizer-adamw-8bit": { leastNumbers: 1 }, ...zero }, false);
  await train(cwd, [...words(0.01), ...two, "--max-training-steps", "3"]);
  await t.rejects(train(cwd, [...words(0.01), "--batch-size", "2", "--nproc", "1", "--resume"]), {
    message: /HYFW_CHECKPOINT_RESHARD/,
  });
});

t.test("offloaded to host memory, optimizers give the same numbers bit by bit", async (t) => {
  for (const name of ["schedule-free", "adamw-8bit"]) {
    const root = t.testdir({ plain: {}, offloaded: {} });
    for (const part of ["plain", "offloaded"]) {
      const offload = { enabled: part === "offloaded" };
      const plugins = { [`optimizer-${name}`]: {}, "accelerator-cpu-offload": offload };
      writeTinyConfig(join(root, part), plugins, false);
      await train(join(root, part), [...words(0.01), "--batch-size", "4"]);
    }
    t.same(tensorsOf(join(root, "offloaded")), tensorsOf(join(root, "plain")), name);
  }
});
