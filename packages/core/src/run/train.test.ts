import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { live, openSafetensors, readSafetensors, Scope } from "@hyfw/native";
import t from "tap";
import { HyfwError } from "../define-error.js";
import type { Values } from "../hooks/model.js";
import { readMetrics } from "./metrics.js";
import { readPngTexts } from "./png.js";
import { readRecord } from "./run-record.js";
import { tinyModel } from "./tiny-model.fixture.js";
import { trainTiny } from "./tiny-run.fixture.js";

const BASE = [
  "train.batchSize=3",
  "train.lr=0.05",
  "log.every=1",
  "train.ema.enabled=true",
  "train.ema.warmup=true",
];

function weights(runDir: string, step: number, file = "model.safetensors"): Record<string, number[]> {
  using scope = new Scope();
  const path = join(runDir, "checkpoints", `step-${String(step).padStart(6, "0")}`, file);
  return scope.run(() =>
    Object.fromEntries(Object.entries(readSafetensors(path)).map(([name, one]) => [name, one.toArray()])),
  );
}

const meanLoss = (rows: readonly { readonly loss: number }[]): number =>
  rows.reduce((sum, { loss }) => sum + loss, 0) / rows.length;

t.test("a run trains, and its folder holds what a person and a program need", async (t) => {
  const cwd = t.testdir({});
  const before = live();
  const events: string[] = [];
  const { out } = await trainTiny(
    cwd,
    [
      ...BASE,
      "train.maxSteps=30",
      "samples.every=15",
      "samples.prompts=['红色的花', 'a red flower']",
      "checkpoint.latestEvery=7",
      "checkpoint.every=20",
    ],
    {
      listener: {
        onStart: ({ step, maxSteps }) => void events.push(`start ${step}/${maxSteps}`),
        onEpoch: ({ epoch }) => void events.push(`epoch ${epoch}`),
        onSample: ({ step, files }) => void events.push(`sample ${step} ${files.length}`),
        onCheckpoint: ({ step }) => void events.push(`checkpoint ${step}`),
        onEnd: ({ reason, step }) => void events.push(`end ${reason} ${step}`),
      },
    },
  );
  t.equal(live(), before, "no tensor is left when the run is closed");
  const runDir = join(cwd, "runs", "001-tiny");
  t.same(readdirSync(runDir).sort(), [
    "README.md",
    "checkpoints",
    "ledger.jsonl",
    "metrics.jsonl",
    "report.html",
    "run.json",
    "samples",
    "settings.json",
  ]);
  t.match(out, /samples per step +3 = 3 per micro-batch × 1 micro-batch\(es\) × 1 process/);
  t.match(out, /step 30\/30 {2}loss/);

  const metrics = readMetrics(runDir);
  t.same(
    metrics.map(({ step }) => step),
    Array.from({ length: 30 }, (_unused, n) => n + 1),
  );
  // Steps differ by their rows more than by what was learnt, so whole epochs are compared: six steps, the same rows.
  const [first, fifth] = [metrics.slice(0, 6), metrics.slice(24)].map(meanLoss);
  t.ok(first && fifth && fifth < 0.8 * first, `the loss falls: ${first} to ${fifth}`);
  const last = metrics.at(-1);
  t.same(
    new Set(metrics.slice(1).map(({ liveTensors }) => liveTensors)).size,
    1,
    "live tensors stay the same",
  );
  t.equal(last?.samples, 90);
  t.match(last, { parts: { mse: Number }, gradNorm: Number, ms: { data: Number, other: Number } });

  // Checkpoints are written while the run goes on, so they are told of somewhat later than pictures.
  t.same(
    events.filter((event) => !/^(epoch|sample)/.test(event)),
    ["start 0/30", ...[7, 14, 20, 21, 28, 30].map((step) => `checkpoint ${step}`), "end done 30"],
  );
  t.same(
    events.filter((event) => event.startsWith("sample")),
    ["sample 15 2", "sample 30 2"],
  );
  t.equal(events.filter((event) => event.startsWith("epoch")).length, 5, "six units an epoch");
  t.same(readdirSync(join(runDir, "checkpoints")).sort(), ["latest", "step-000020", "step-000030"]);
  t.equal(readFileSync(join(runDir, "checkpoints", "latest"), "utf8"), "step-000030\n");
  t.match(openSafetensors(join(runDir, "checkpoints/step-000030/model.safetensors")).metadata, {
    version: "tiny",
    step: "30",
    settings_hash: /^[0-9a-f]{64}$/,
  });
  t.match(readRecord(runDir), { status: "done", step: 30, lastStep: 30, origins: { "train.lr": /--set/ } });
  const png = readFileSync(join(runDir, "samples/step-000015/01-红色的花.png"));
  t.match(readPngTexts(png), { prompt: "红色的花", seed: "42", step: "15", run: "001-tiny" });
});

const RESUMED = [
  ...BASE,
  "train.gradAccuSteps=2",
  "train.maxGradNorm=0.5",
  "train.lrSchedule=cosine",
  "train.warmupSteps=2",
];

t.test("a run that stops mid-epoch and resumes equals one that never stopped, bit for bit", async (t) => {
  const cwd = t.testdir({});
  await trainTiny(cwd, [...RESUMED, "train.maxSteps=6", "run.name=straight", "checkpoint.every=100"]);
  // Stopped at step 5, with its last checkpoint at 3: two steps are lost and their lines of the metrics too.
  const stop = new Error("power cut");
  const parts = {
    listener: {
      onStep: ({ step }: { step: number }) => {
        if (step === 5) throw stop;
      },
    },
  };
  const stopped = trainTiny(
    cwd,
    [...RESUMED, "train.maxSteps=6", "run.name=stopped", "checkpoint.latestEvery=3"],
    parts,
  );
  await t.rejects(stopped, { code: "HYFW_EVENT_LISTENER" });
  const [straight, cut] = [join(cwd, "runs/001-straight"), join(cwd, "runs/002-stopped")];
  t.equal(readMetrics(cut).length, 5);
  t.equal(readRecord(cut).status, "failed");
  const { out } = await trainTiny(cwd, [
    ...RESUMED,
    "train.maxSteps=6",
    "run.resume=stopped",
    "checkpoint.every=100",
  ]);
  t.match(out, /going on from step 3 of 002-stopped/);
  t.match(out, /checkpoint\.latestEvery changed from 3 to 10000/);
  const numbers = (runDir: string) =>
    readMetrics(runDir).map(({ step, epoch, loss, lr, gradNorm, samples }) => ({
      step,
      epoch,
      loss,
      lr,
      gradNorm,
      samples,
    }));
  t.same(numbers(cut), numbers(straight), "losses, rates and norms");
  t.not(numbers(cut)[2]?.loss, numbers(cut)[3]?.loss);
  for (const file of ["model.safetensors", "ema.safetensors", "optimizer-rank0.safetensors"])
    t.same(weights(cut, 6, file), weights(straight, 6, file), file);
  t.match(readRecord(cut), { status: "done", resumed: [{ step: 3 }] });
});

t.test("a half-written checkpoint is passed over, a damaged one too, and both are said", async (t) => {
  const cwd = t.testdir({});
  const sets = [...BASE, "checkpoint.every=2", "checkpoint.keep=5"];
  await trainTiny(cwd, [...sets, "train.maxSteps=6"]);
  const folder = join(cwd, "runs/001-tiny/checkpoints");
  rmSync(join(folder, "step-000006/manifest.json"));
  const damaged = join(folder, "step-000004/model.safetensors");
  const bytes = readFileSync(damaged);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(damaged, bytes);
  const named = trainTiny(cwd, [...sets, "train.maxSteps=6", `run.resume=${join(folder, "step-000004")}`]);
  await t.rejects(named, {
    code: "HYFW_CHECKPOINT_BROKEN",
    message: /model\.safetensors is not what was saved/,
  });
  const { out } = await trainTiny(cwd, [...sets, "train.maxSteps=6", "run.resume=latest"]);
  t.match(out, /step-000006 is not a whole checkpoint \(no manifest\.json\); it is passed over/);
  t.match(out, /model\.safetensors is not what was saved \(SHA-256 differs\); it is passed over/);
  t.match(out, /going on from step 2 of 001-tiny/);
  t.equal(readMetrics(join(cwd, "runs/001-tiny")).length, 6);
});

t.test("a resume with another seed, batch size, data or model is refused with both values", async (t) => {
  const cwd = t.testdir({});
  await trainTiny(cwd, [...BASE, "train.maxSteps=2"]);
  const again = (sets: string[], parts = {}) =>
    trainTiny(cwd, [...BASE, "train.maxSteps=4", "run.resume=latest", ...sets], parts);
  await t.rejects(again(["run.seed=7"]), {
    code: "HYFW_SETTING_RESUME",
    message: /run\.seed was 1234 when the run began and is 7 now/,
  });
  await t.rejects(again(["train.batchSize=5"]), { message: /train\.batchSize was 3 .* is 5 now/ });
  await t.rejects(again([], { rows: 24 }), { message: /data of phase main was "20 positions/ });
  const other: typeof tinyModel = (facts) => ({
    ...tinyModel(facts),
    fileFacts: () => ({ version: "other" }),
  });
  await t.rejects(again([], { model: other }), { message: /the model's version was "tiny" .* is "other"/ });
  const fewer: typeof tinyModel = (facts) => {
    const model = tinyModel(facts);
    return { ...model, parameters: model.parameters.slice(1) };
  };
  await t.rejects(again([], { model: fewer }), {
    code: "HYFW_WEIGHTS",
    message: /embed\.weight: only in the file/,
  });
  await again(["train.lr=0.01"]);
  t.match(readRecord(join(cwd, "runs/001-tiny")).resumed.at(-1)?.notes, [
    /maxSteps/,
    /train\.lr changed from 0\.05 to 0\.01/,
  ]);
});

t.test("without optimizer state a run resumes and says that moments start at zero", async (t) => {
  const cwd = t.testdir({});
  const sets = [...BASE, "checkpoint.saveOptimizerState=false"];
  await trainTiny(cwd, [...sets, "train.maxSteps=2"]);
  t.notOk(existsSync(join(cwd, "runs/001-tiny/checkpoints/step-000002/optimizer-rank0.safetensors")));
  const { out } = await trainTiny(cwd, [...sets, "train.maxSteps=3", "run.resume=runs/001-tiny"]);
  t.match(out, /no optimizer state: moments start at zero/);
});

t.test("Ctrl-C ends the step, saves a checkpoint, and says how to go on", async (t) => {
  const cwd = t.testdir({});
  const stop = new AbortController();
  const { out } = await trainTiny(cwd, [...BASE, "train.maxSteps=100"], {
    signal: stop.signal,
    listener: { onStep: ({ step }) => (step === 4 ? stop.abort() : undefined) },
  });
  t.match(out, /stopped at step 4; go on with: hyfw --resume runs\/001-tiny/);
  t.ok(existsSync(join(cwd, "runs/001-tiny/checkpoints/step-000004/manifest.json")));
  t.equal(readRecord(join(cwd, "runs/001-tiny")).status, "interrupted");
});

t.test("a loss that is not finite stops before any weight changes, naming step and rows", async (t) => {
  const cwd = t.testdir({});
  const broken: typeof tinyModel = (facts) => {
    const model = tinyModel(facts);
    let calls = 0;
    return {
      ...model,
      loss: (prepared, output) => {
        const loss = model.loss(prepared, output);
        calls += 1;
        return calls < 3 ? loss : { ...loss, mean: loss.mean.mul(Number.NaN) };
      },
    };
  };
  const fault = await trainTiny(cwd, [...BASE, "train.maxSteps=5"], { model: broken }).catch(
    (error: unknown) => error,
  );
  t.ok(fault instanceof HyfwError);
  t.match(fault, {
    code: "HYFW_LOSS_NOT_FINITE",
    message: /step 3: the loss is NaN[\s\S]*row-\d+ \(tiny\.arrow row \d+\)/,
  });
});

t.test("a gradient that is not finite stops before any weight changes, naming the parameter", async (t) => {
  const cwd = t.testdir({});
  const broken: typeof tinyModel = (facts) => {
    const model = tinyModel(facts);
    return {
      ...model,
      segments: model.segments.map((segment) =>
        segment.name === "final"
          ? {
              ...segment,
              // √0 has slope ∞: the loss is finite and the gradient is not.
              run: (values: Values): Values =>
                Object.fromEntries(
                  Object.entries(segment.run(values)).map(([name, one]) => [
                    name,
                    one.add(one.mul(0).sqrt()),
                  ]),
                ),
            }
          : segment,
      ),
    };
  };
  const fault = await trainTiny(cwd, [...BASE, "train.maxSteps=5"], { model: broken }).catch(
    (error: unknown) => error,
  );
  t.match(fault, {
    code: "HYFW_GRADIENT_NOT_FINITE",
    message: /step 1[\s\S]*first parameter +\S+\.(weight|bias)/,
  });
});

t.test("a row that cannot be read stops the run with the row's own error", async (t) => {
  const cwd = t.testdir({});
  const onRead = (position: number): void => {
    if (position === 7) throw new Error("row 7 is damaged");
  };
  await t.rejects(trainTiny(cwd, [...BASE, "train.epochs=2"], { onRead }), /row 7 is damaged/);
  t.equal(readRecord(join(cwd, "runs/001-tiny")).status, "failed");
});

t.test("--dry-run prints the plan with the model's shapes and makes no folder", async (t) => {
  const cwd = t.testdir({});
  const { out } = await trainTiny(cwd, [...BASE, "train.epochs=4"], { dryRun: true });
  t.match(out, /trained +\d[\d,]* parameters in 10 tensors, float32\n/);
  t.match(out, /steps +24\n/);
  t.notOk(existsSync(join(cwd, "runs")));
});

t.test("two accelerators with one duty are refused with both names", async (t) => {
  const accelerator = (name: string) => ({ name, duties: ["precision"] as const, describe: () => "" });
  const accelerators = [accelerator("a"), accelerator("b")];
  await t.rejects(trainTiny(t.testdir({}), BASE, { accelerators, dryRun: true }), {
    message: /plugins accelerator-a and accelerator-b both take charge of precision/,
  });
});
