import { join } from "node:path";
import t from "tap";
import { findCheckpoint } from "../checkpoint/find.js";
import { openRun } from "./container.js";
import { readMetrics } from "./metrics.js";
import { readRecord } from "./run-record.js";
import { tinySettings, trainTiny } from "./tiny-run.fixture.js";
import { verifyRecord } from "./verify-record.js";

const PHASES = JSON.stringify([
  { name: "first", data: { rows: 20 }, epochs: 1 },
  {
    name: "mixed",
    mix: [
      { name: "small", weight: 3, data: { rows: 12 } },
      { name: "large", data: { rows: 40 } },
    ],
    maxSteps: 6,
    train: { batchSize: 2, gradAccuSteps: 2, lr: 0.02, lrSchedule: "linear" },
  },
  { name: "last", data: { rows: 16 }, maxSteps: 2 },
]);
const SETS = [
  "train.batchSize=3",
  "train.lr=0.05",
  "log.every=1",
  `phases=${PHASES}`,
  "checkpoint.every=100",
];

t.test("phases have steps, batch sizes and learning rates of their own, and the plan says so", async (t) => {
  const cwd = t.testdir({});
  const { out } = await trainTiny(cwd, [...SETS, "run.name=straight"]);
  const metrics = readMetrics(join(cwd, "runs/001-straight"));
  t.same(
    metrics.map(({ phase, lr, samples }) => [phase, Number(lr.toFixed(4)), samples]),
    [
      ...[3, 6, 9, 12, 15, 18].map((samples) => ["first", 0.05, samples]),
      ...[0.02, 0.016, 0.012, 0.008, 0.004, 0].map((lr, n) => ["mixed", lr, 22 + 4 * n]),
      ["last", 0.05, 45],
      ["last", 0.05, 48],
    ],
  );
  t.match(out, /Phase mixed\n +steps +7 to 12: 6 step\(s\)/);
  t.match(
    out,
    /data set mixed\/small +75 % of the samples: 39 per epoch, each of 12 position\(s\) used 3\.25/,
  );
  t.match(out, /learning rate +0\.02, linear to 0 at step 6 of the phase/);
  t.match(out, /used +mixed\/small: 18 sample\(s\) of 12 position\(s\): 1\.5 pass\(es\)/);
  t.match(out, /used +mixed\/large: 6 sample\(s\) of 40/);
  const { use = [] } = readRecord(join(cwd, "runs/001-straight"));
  t.equal(use.length, 4);

  // Stopped and continued inside the first phase, at its end, inside the mix, and again inside the mix.
  const numbers = (runDir: string) =>
    readMetrics(runDir).map(({ step, epoch, phase, loss, lr, gradNorm, samples }) => ({
      ...{ step, epoch, phase, loss, lr, gradNorm, samples },
    }));
  for (const [n, at] of [4, 6, 8, 9, 13].entries()) {
    const stop = new AbortController();
    await trainTiny(cwd, [...SETS, n === 0 ? "run.name=cut" : "run.resume=cut"], {
      signal: stop.signal,
      listener: { onStep: ({ step }) => (step === at ? stop.abort() : undefined) },
    });
  }
  await trainTiny(cwd, [...SETS, "run.resume=cut"]);
  t.same(numbers(join(cwd, "runs/002-cut")), numbers(join(cwd, "runs/001-straight")));
  t.same(readRecord(join(cwd, "runs/002-cut")).use, use);

  const other = (from: string, to: string) =>
    trainTiny(cwd, [...SETS.map((set) => set.replace(from, to)), "run.resume=cut"]);
  await t.rejects(other('"weight":3', '"weight":2'), { message: /the data of phase mixed was/ });
  await t.rejects(other('"batchSize":2', '"batchSize":4'), {
    message: /the samples per unit of phase mixed was 2 .* is 4 now/,
  });
});

t.test("a key that a phase does not have is refused with the nearest", async (t) => {
  const refused = (phase: object) =>
    trainTiny(t.testdir({}), [`phases=${JSON.stringify([{ name: "one", ...phase }])}`], { dryRun: true });
  await t.rejects(refused({ train: { learningRat: 1 } }), { code: "HYFW_SETTING_UNKNOWN" });
  await t.rejects(refused({ train: { warmupStep: 1 } }), {
    message: /did you mean phases\.0\.train\.warmupSteps/,
  });
  await t.rejects(refused({ mixed: [] }), { message: /did you mean phases\.0\.mix/ });
  await t.rejects(refused({ mix: [{ name: "a", wieght: 2 }] }), {
    message: /did you mean phases\.0\.mix\.0\.weight/,
  });
  await t.rejects(refused({ mix: [{ name: "a" }, { name: "a" }] }), { message: /a name of its own/ });
});

t.test("unreadable rows are replaced by the next of their bucket, counted, up to a limit", async (t) => {
  const cwd = t.testdir({});
  const bad = new Set([3, 4, 9, 15]);
  const onRead = (position: number): void => {
    if (bad.has(position)) throw new RangeError(`row ${position} is damaged`);
  };
  const policy = (limit: number) => ({
    limit,
    isBadRow: (fault: unknown) => fault instanceof RangeError,
  });
  const sets = ["train.batchSize=5", "log.every=1", "train.epochs=2", "checkpoint.every=100"];
  const parts = { onRead, onBadSample: policy(10) };
  const { out } = await trainTiny(cwd, [...sets, "run.name=straight"], parts);
  t.match(out, /row 3 is damaged; position 4 stands in its place/);
  t.match(out, /row 4 is damaged; position 5 stands in its place/);
  t.match(out, /row 9 is damaged; position 0 stands in its place/, "the first of the bucket after its last");
  t.match(out, /replaced: 10 row\(s\)/, "row 3 needs two: five an epoch");
  const [straight, cut] = [join(cwd, "runs/001-straight"), join(cwd, "runs/002-cut")];
  t.equal(readMetrics(straight).at(-1)?.badSamples, 10);
  t.match(readRecord(straight).use?.at(-1), ["replaced", /^10 row/]);

  for (const name of ["run.name=cut", "run.resume=cut"]) {
    const stop = new AbortController();
    const listener = {
      onStep: ({ step }: { step: number }) => (step === 3 ? stop.abort() : undefined),
    };
    await trainTiny(cwd, [...sets, name], { ...parts, signal: stop.signal, listener });
  }
  const numbers = (runDir: string) =>
    readMetrics(runDir).map(({ step, loss, badSamples }) => ({ step, loss, badSamples }));
  t.same(numbers(cut), numbers(straight), "a resumed run replaces the same rows and counts on");

  const run = await openRun(await tinySettings(cwd, sets, parts));
  try {
    const found = await findCheckpoint("cut", { resultsDir: join(cwd, "runs"), cwd });
    t.match(await verifyRecord(run, found, { unitSize: 5, most: 4 }), /are those of the record/);
  } finally {
    await run.close();
  }
  await t.rejects(trainTiny(cwd, sets, { ...parts, onBadSample: policy(9) }), {
    code: "HYFW_DATASET_BAD_SAMPLES",
    message: /step 8: 10 row\(s\) could not be read .* more than the 9/,
  });
  const { onRead: read } = parts;
  await t.rejects(
    trainTiny(cwd, sets, { onRead: read }),
    /row \d+ is damaged/,
    "without the policy it stops",
  );
});
