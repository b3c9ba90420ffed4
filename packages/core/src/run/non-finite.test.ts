import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readLedger } from "./ledger.js";
import { readMetrics } from "./metrics.js";
import { tinyModel } from "./tiny-model.fixture.js";
import { trainTiny } from "./tiny-run.fixture.js";

const BASE = [
  "train.batchSize=3",
  "train.lr=0.05",
  "log.every=1",
  "checkpoint.latestEvery=1",
  "train.maxSteps=8",
];

/** A model whose losses of some calls are not finite. */
function brokenAt(isBroken: (call: number) => boolean): typeof tinyModel {
  return (facts) => {
    const model = tinyModel(facts);
    let calls = 0;
    return {
      ...model,
      loss: (prepared, output) => {
        const loss = model.loss(prepared, output);
        calls += 1;
        return isBroken(calls) ? { ...loss, mean: loss.mean.mul(Number.NaN) } : loss;
      },
    };
  };
}

t.test("skip: the step changes nothing, is counted, and its rows are named", async (t) => {
  const cwd = t.testdir({});
  const { out } = await trainTiny(cwd, [...BASE, "train.onNonFinite=skip"], {
    model: brokenAt((call) => call === 4),
  });
  t.match(
    out,
    /step 4 left out: the norm of its gradients is NaN; the loss is not finite at row-\d+ .*\(1 of at most 10\)/,
  );
  const metrics = readMetrics(join(cwd, "runs/001-tiny"));
  t.strictSame(
    metrics.map(({ step, skipped = 0 }) => [step, skipped]),
    [1, 2, 3, 4, 5, 6, 7, 8].map((step) => [step, step === 4 ? 1 : 0]),
  );
  t.ok(metrics.every(({ loss, gradNorm }) => Number.isFinite(loss) && Number.isFinite(gradNorm)));
  const other = join(cwd, "other");
  await trainTiny(other, BASE);
  const plain = readMetrics(join(other, "runs/001-tiny"));
  t.equal(metrics[2]?.loss, plain[2]?.loss, "steps before are the same as ever");
  t.not(metrics[4]?.loss, plain[4]?.loss, "and those after have learnt from one step less");
});

t.test("rollback: back to the last checkpoint, on behind the bad rows", async (t) => {
  const cwd = t.testdir({});
  const { out } = await trainTiny(cwd, [...BASE, "train.onNonFinite=rollback", "checkpoint.latestEvery=3"], {
    model: brokenAt((call) => call === 5),
  });
  t.match(out, /back to step 3, behind the rows of step 5/);
  const runDir = join(cwd, "runs/001-tiny");
  const steps = readMetrics(runDir).map(({ step }) => step);
  t.strictSame(steps, [1, 2, 3, 4, 5, 6, 7, 8], "each step stands once in the metrics");
  // Step 4 was trained, undone, and trained anew on what comes after the bad rows.
  t.equal(readLedger(runDir).get(4)?.place.phaseUnits, 5);
  t.ok(readdirSync(join(runDir, "checkpoints")).includes("step-000008"));
});

t.test("more bad steps than maxNonFinite stop the run", async (t) => {
  for (const policy of ["skip", "rollback"]) {
    const cwd = t.testdir({});
    const sets = [...BASE, `train.onNonFinite=${policy}`, "train.maxNonFinite=2"];
    await t.rejects(trainTiny(cwd, sets, { model: brokenAt((call) => call > 3) }), {
      code: "HYFW_NOT_FINITE_OFTEN",
      message: new RegExp(`more than 2 times[\\s\\S]*train.onNonFinite = ${policy}`),
    });
  }
});
