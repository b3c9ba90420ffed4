import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { emojiData, hyfw } from "./emoji-data.js";

interface Line {
  readonly loss: number;
  readonly gradNorm: number;
  readonly flopsPerSecond: number;
  readonly memory: Record<string, number>;
  readonly lossByTimestep: Record<string, number>;
}

const cwd = t.testdir({});
const data = emojiData(cwd);
let runs = 0;

/** Where the first run's weights lie; a LoRA needs some to begin with, since new ones end in a layer of zeros. */
const WEIGHTS = "runs/001-run1/checkpoints/step-000004/model.safetensors";

/** Trains the demo in small through the command, with more words. @returns each step's line of the metrics */
function train(...more: string[]): Line[] {
  runs += 1;
  const name = `run${runs}`;
  const small = [
    "--preset",
    "demo",
    ...(more[0] === "--preset" ? more.splice(0, 2) : []),
    "--preset",
    "tiny",
    ...["--set", "plugins.optimizer-muon=$delete", "--set", "plugins.optimizer-adamw={}"],
  ];
  // Steps large enough that the last layer, which begins at 0, soon lets every block matter.
  const steep = [
    "--max-training-steps",
    "4",
    "--lr",
    "0.02",
    "--warmup-num-steps",
    "0",
    "--lr-schedule",
    "constant",
  ];
  hyfw(cwd, ...small, ...data, "--task-flag", name, ...steep, ...more);
  const file = join(cwd, "runs", `${String(runs).padStart(3, "0")}-${name}`, "metrics.jsonl");
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line): Line => JSON.parse(line));
}

const facts = (lines: readonly Line[]): number[][] => lines.map(({ loss, gradNorm }) => [loss, gradNorm]);

/** The largest difference of losses and gradient norms, relative. */
function apart(a: readonly Line[], b: readonly Line[]): number {
  return Math.max(
    ...facts(a).flatMap((row, step) =>
      row.map((value, n) => Math.abs((facts(b)[step]?.[n] ?? Number.NaN) / value - 1)),
    ),
  );
}

const OFFLOAD = "--cpu-offloading";
const GRADIENTS = ["--set", "plugins.accelerator-cpu-offload.gradients=true"];

for (const [name, words] of [
  ["float32", ["--no-fp16"]],
  [
    "bfloat16, two micro-steps",
    ["--set", "plugins.accelerator-precision.dtype=bf16", "--grad-accu-steps", "2"],
  ],
  ["LoRA", ["--preset", "lora", "--no-fp16", "--rank", "4", "--no-ema", "--resume-module-root", WEIGHTS]],
] as [string, string[]][])
  t.test(`whole runs give the same losses with every part of acceleration: ${name}`, async (t) => {
    const run = (...more: string[]): Line[] => train(...words, ...more);
    const plain = run();
    t.equal(plain.length, 4);
    t.ok(
      plain.every(({ gradNorm }) => gradNorm > 1e-3),
      "there is something to learn",
    );
    t.same(facts(run(OFFLOAD)), facts(plain), "states offloaded: bit by bit");
    t.same(facts(run(OFFLOAD, ...GRADIENTS)), facts(plain), "gradients too: bit by bit");
    // Sums of a skipped value's gradients are added in another order, and four updates carry that on.
    const checkpointing = ["--gradient-checkpointing", OFFLOAD, ...GRADIENTS];
    for (const more of [[], ["--gc-mode", "selective", "--gc-rate", "0.5"]]) {
      const found = apart(plain, run(...checkpointing, ...more));
      t.ok(found < 1e-4, `checkpointing and offloading ${more.join(" ")}: ${found}`);
    }
    // Rounding of bfloat16 grows with every steep step; two of them must stay close.
    const [steps, limit] = name.startsWith("bfloat16") ? [2, 5e-2] : [4, 1e-3];
    const found = apart(plain.slice(0, steps), run("--no-flash-attn").slice(0, steps));
    t.ok(found > 0 && found < limit, `plain attention: ${found}`);
  });

t.test("logged steps say where memory and operations went", async (t) => {
  const [line] = train("--no-fp16");
  const [less] = train("--no-fp16", "--gradient-checkpointing");
  t.ok((line?.flopsPerSecond ?? 0) > 0);
  const { weights = 0, states = 0, average = 0, peak = 0 } = line?.memory ?? {};
  t.equal(states, 2 * weights, "two moments");
  t.equal(average, weights);
  t.ok(peak > weights + states + average);
  t.ok((less?.memory.peak ?? 0) < peak, "checkpointing keeps less");
  t.ok(Object.keys(line?.lossByTimestep ?? {}).every((band) => /^\d+-\d+$/.test(band)));
});
