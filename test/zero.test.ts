import { readFileSync } from "node:fs";
import { join } from "node:path";
import { noProcessGroups } from "@hyfw/native";
import t from "tap";
import {
  checkpointOf,
  lastMetrics,
  lastRun,
  readTiny,
  train,
  worstDifference,
  writeTinyConfig,
} from "../packages/core/src/launch/hyfw-process.fixture.js";

const skip = noProcessGroups() === "" ? false : noProcessGroups();
const STEPS = 6;
const WORDS = [
  ...[
    "--max-training-steps",
    String(STEPS),
    "--lr",
    "0.05",
    "--use-ema",
    "--ema-warmup",
    "--ckpt-every",
    "3",
  ],
  ...["--sample-every", "3", "--set", "samples.prompts=[porcelain, 瓷器]", "--set", "samples.steps=2"],
];
// Sums over processes are added in another order than sums over a batch: float32 rounding of numbers below 1.
const TOLERANCE = 1e-6;

/** The plugins of a stage; stage 0 is plain data parallelism. */
const pluginsOf = (stage: number): Record<string, object> =>
  stage === 0 ? {} : { "accelerator-zero": { stage } };

const relative = (a: number, b: number): number => Math.abs(a - b) / Math.abs(a);

for (const accumulation of [1, 2])
  t.test(
    `two processes equal one of twice the batch; ${accumulation} micro-batch(es) per step`,
    { skip },
    async (t) => {
      const more = [...WORDS, "--grad-accu-steps", String(accumulation)];
      const alone = t.testdir({ alone: {}, "stage-0": {}, "stage-1": {}, "stage-2": {}, "stage-3": {} });
      const one = join(alone, "alone");
      writeTinyConfig(one);
      await train(one, [...more, "--batch-size", "4"]);
      const wanted = readTiny(checkpointOf(one, STEPS));
      // What accumulates is the gradients, which plain data parallelism and stage 1 treat alike.
      for (const stage of accumulation === 1 ? [0, 1, 2, 3] : [1, 2, 3]) {
        const cwd = join(alone, `stage-${stage}`);
        writeTinyConfig(cwd, pluginsOf(stage));
        await train(cwd, [...more, "--batch-size", "2", "--nproc", "2"]);
        const metrics = lastMetrics(cwd);
        t.equal(metrics.length, STEPS, `stage ${stage}: every step is logged once`);
        for (const [n, line] of lastMetrics(one).entries()) {
          const { loss = 0, gradNorm = 0, samples } = metrics[n] ?? {};
          t.ok(relative(line.loss, loss) < TOLERANCE, `stage ${stage}: loss of step ${line.step}, ${loss}`);
          t.ok(relative(line.gradNorm, gradNorm) < TOLERANCE, `stage ${stage}: norm, ${gradNorm}`);
          t.equal(samples, line.samples);
        }
        const worst = worstDifference(wanted, readTiny(checkpointOf(cwd, STEPS)));
        t.ok(worst < TOLERANCE, `stage ${stage}: weights, averages and momenta differ by ${worst}`);
        for (const picture of ["01-porcelain.png", "02-瓷器.png"]) {
          const file = join("samples", "step-000006", picture);
          const [a, b] = [one, cwd].map((folder) => readFileSync(join(lastRun(folder), file)).subarray(-200));
          t.ok(
            a !== undefined && b !== undefined && a.equals(b),
            `stage ${stage}: the same picture ${picture}`,
          );
        }
      }
    },
  );

t.test("a run goes on at any stage and any number of processes that share its units", { skip }, async (t) => {
  const root = t.testdir({ straight: {}, moved: {} });
  const straight = join(root, "straight");
  writeTinyConfig(straight, pluginsOf(0));
  await train(straight, [...WORDS, "--batch-size", "2", "--nproc", "2"]);
  const wanted = readTiny(checkpointOf(straight, STEPS));
  for (const [first, second] of [
    [
      { stage: 3, nproc: 2 },
      { stage: 0, nproc: 1 },
    ],
    [
      { stage: 1, nproc: 2 },
      { stage: 2, nproc: 4 },
    ],
  ] as const) {
    const cwd = join(root, "moved");
    const at = ({ nproc }: { nproc: number }): string[] => ["--nproc", String(nproc)];
    writeTinyConfig(cwd, pluginsOf(first.stage));
    const begun = [...WORDS, "--batch-size", String(4 / first.nproc)];
    await train(cwd, [...begun, ...at(first), "--max-training-steps", "3"]);
    writeTinyConfig(cwd, pluginsOf(second.stage));
    await train(cwd, [...begun, ...at(second), "--resume"]);
    const worst = worstDifference(wanted, readTiny(checkpointOf(cwd, STEPS)));
    const name = [first, second].map(({ stage, nproc }) => `stage ${stage} on ${nproc}`).join(" to ");
    t.ok(worst < TOLERANCE, `${name}: the same numbers as a run that was never moved, within ${worst}`);
    t.equal(lastMetrics(cwd).length, STEPS);
  }
});

t.test("at the same number of processes a resumed run is the same, bit for bit", { skip }, async (t) => {
  for (const stage of [0, 1, 3]) {
    const root = t.testdir({ straight: {}, resumed: {} });
    const [straight, resumed] = [join(root, "straight"), join(root, "resumed")];
    const words = [...WORDS, "--batch-size", "2", "--nproc", "2"];
    for (const cwd of [straight, resumed]) writeTinyConfig(cwd, pluginsOf(stage));
    await train(straight, words);
    await train(resumed, [...words, "--max-training-steps", "3"]);
    await train(resumed, [...words, "--resume"]);
    const worst = worstDifference(
      readTiny(checkpointOf(straight, STEPS)),
      readTiny(checkpointOf(resumed, STEPS)),
    );
    t.equal(worst, 0, `stage ${stage}: weights, averages and momenta`);
    const losses = (cwd: string) => lastMetrics(cwd).map(({ loss, gradNorm }) => [loss, gradNorm]);
    t.same(losses(resumed), losses(straight), `stage ${stage}: losses and norms`);
  }
});
