import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Dataset } from "../hooks/dataset.js";
import { SettingsSchema } from "../settings/schema.js";
import { readMetrics } from "./metrics.js";
import { tinyDataset, trainTiny } from "./tiny-run.fixture.js";
import { splitValidation } from "./validation-split.js";

const settings = (more: object) => SettingsSchema.parse({ validation: more }).validation;
const positionsOf = ({ buckets }: Pick<Dataset, "buckets">): number[] =>
  buckets.flatMap(({ positions }) => [...positions]);

/** A data set in which every third row has the picture of the one before it. */
function withRepeats(rows: number): Dataset {
  const plain = tinyDataset({ rows });
  const picture = (position: number): string => `picture-${position - (position % 3 === 2 ? 1 : 0)}`;
  return {
    ...plain,
    row: async (position) => ({ ...(await plain.row(position)), picture: picture(position) }),
  };
}

t.test("a share of the pictures is kept out, equal ones together, and nothing is lost", async (t) => {
  const dataset = withRepeats(300);
  const { training, rows } = await splitValidation(
    [dataset],
    undefined,
    settings({ fraction: 0.2, samples: 1000 }),
  );
  const [left] = training;
  const measured = rows.batches.flatMap(({ positions }) => [...positions]);
  const trained = left === undefined ? [] : positionsOf(left);
  const pictureOf = async (position: number): Promise<string> => (await dataset.row(position)).picture ?? "";
  const [own, others] = await Promise.all([measured, trained].map((all) => Promise.all(all.map(pictureOf))));
  t.equal(new Set(own).size, own?.length, "each picture is measured once");
  t.equal(own?.filter((picture) => others?.includes(picture)).length, 0, "none of them is trained on");
  t.equal(own?.length, rows.pictures);
  t.ok(rows.pictures > 25 && rows.pictures < 55, `${rows.pictures} of 200 pictures`);
  const everything = new Set([...(own ?? []), ...(others ?? [])]);
  t.equal(everything.size, 200);
  t.equal(left?.length, trained.length);
  t.not(left?.fingerprint, dataset.fingerprint);
  const again = await splitValidation(
    [withRepeats(330)],
    undefined,
    settings({ fraction: 0.2, samples: 1000 }),
  );
  const kept = again.rows.batches.flatMap(({ positions }) => [...positions]);
  t.same(
    measured.filter((position) => !kept.includes(position)),
    [],
    "more rows change no choice",
  );
});

t.test("rows of an index of their own are taken out of training; nothing left is refused", async (t) => {
  const own = tinyDataset({ rows: 6 });
  const { training, rows } = await splitValidation(
    [tinyDataset({ rows: 20 })],
    own,
    settings({ data: {}, samples: 4 }),
  );
  t.same(training.map(positionsOf), [[6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]]);
  t.equal(rows.batches.flatMap(({ positions }) => [...positions]).length, 4);
  await t.rejects(splitValidation([own], tinyDataset({ rows: 6 }), settings({ data: {} })), {
    code: "HYFW_SETTINGS_VALIDATION",
    message: /no row to train on/,
  });
  await t.rejects(splitValidation([own], undefined, settings({ fraction: 1e-9 })), {
    message: /no row to measure: of 6 pictures none is kept/,
  });
});

const BASE = ["train.batchSize=3", "train.lr=0.02", "train.maxSteps=6", "log.every=4"];
const SPLIT = ["validation.fraction=0.25", "validation.every=2", "validation.samples=6"];

t.test("a run measures rows that it never reads for training, always at the same noise", async (t) => {
  const cwd = t.testdir({});
  const { out } = await trainTiny(cwd, [...BASE, ...SPLIT, "run.name=plain"], { rows: 40 });
  t.match(out, /validation +6 of \d+ pictures that are never trained on, at 4 timesteps each, every 2 steps/);
  t.match(out, /step 2\/6 +loss [\d.]+ +validation [\d.]+/);
  const metrics = readMetrics(join(cwd, "runs/001-plain"));
  t.same(
    metrics.map(({ step }) => step),
    [2, 4, 6],
    "a measured step is a logged step",
  );
  const losses = metrics.map(({ validation }) => validation?.loss ?? Number.NaN);
  t.ok(
    losses.every((loss, n) => n === 0 || loss < (losses[n - 1] ?? 0)),
    `it falls smoothly: ${losses}`,
  );
  const { samples, parts } = metrics[0]?.validation ?? {};
  t.equal(samples, 6);
  // The part is a float32 mean of each batch.
  t.ok(Math.abs((parts?.mse ?? Number.NaN) - (losses[0] ?? 0)) < 1e-6);
  t.match(readFileSync(join(cwd, "runs/001-plain/report.html"), "utf8"), /Validation loss/);
  // The same weights by other steps: what is not trained does not change its loss.
  const still = ["train.lr=1e-30", "train.maxSteps=4", "run.seed=7", "run.name=still"];
  const { out: other } = await trainTiny(cwd, [...BASE, ...SPLIT, ...still], { rows: 40 });
  t.match(other, /step 4\/4/);
  const [first, second] = readMetrics(join(cwd, "runs/002-still")).map(({ validation }) => validation?.loss);
  t.equal(first, second);
});

t.test("the ledger of a run has no row that is measured; measuring changes no weight", async (t) => {
  const cwd = t.testdir({});
  const trained = new Set<string>();
  const spy = {
    name: "spy",
    purposes: [],
    augment: <One extends { row: { id: string }; epoch: number }>(sample: One): One => {
      trained.add(sample.row.id);
      return sample;
    },
  };
  await trainTiny(cwd, [...BASE, "train.maxSteps=30", "validation.fraction=0.25"], {
    rows: 40,
    augmenters: [spy],
  });
  const { rows } = await splitValidation(
    [tinyDataset({ rows: 40 })],
    undefined,
    settings({ fraction: 0.25, samples: 99 }),
  );
  const kept = rows.batches.flatMap(({ positions }) => [...positions].map((position) => `row-${position}`));
  t.ok(kept.length > 3);
  t.same(
    kept.filter((id) => trained.has(id)),
    [],
  );
  t.ok(trained.size > 20);
  await trainTiny(cwd, [...BASE, ...SPLIT, "run.name=measured"], { rows: 40 });
  await trainTiny(cwd, [...BASE, ...SPLIT, "validation.every=0", "run.name=plain"], { rows: 40 });
  const last = (name: string) => readMetrics(join(cwd, "runs", name)).at(-1)?.gradNorm;
  t.equal(last("002-measured"), last("003-plain"));
});

t.test("settings that do not go together are refused", async (t) => {
  const cwd = t.testdir({});
  await t.rejects(trainTiny(cwd, ["validation.every=5"]), {
    message: /validation\.fraction or validation\.data/,
  });
  await t.rejects(trainTiny(cwd, ["validation.fraction=0.1", "validation.data={}"]), { message: /left out/ });
});
