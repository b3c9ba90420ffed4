import { join } from "node:path";
import { noGrad, openSafetensors, Scope, tensor, tidy } from "@hyfw/native";
import t from "tap";
import { checkLossWeights, lossWeightOf, weighLoss } from "./loss-weights.js";
import { readMetrics } from "./metrics.js";
import { tinyDataset, trainTiny } from "./tiny-run.fixture.js";

const rowOf = async (arrowFile: string) => ({ row: { ...(await tinyDataset().row(0)), arrowFile } });

t.test("the first rule that names a row's Arrow file says its weight", async (t) => {
  const weightOf = lossWeightOf([
    { match: ["*/class/*"], weight: 0.5 },
    { match: ["*"], weight: 2 },
  ]);
  t.same(
    [weightOf?.(await rowOf("/data/class/0.arrow")), weightOf?.(await rowOf("/data/mine/0.arrow"))],
    [0.5, 2],
  );
  t.equal(lossWeightOf([]), undefined);
});

t.test("the mean is over weighted losses; what is recorded per sample is not weighted", async (t) => {
  tidy(() =>
    noGrad(() => {
      const each = tensor([1, 2, 6], [3]);
      const loss = { mean: each.mean(), each, perSample: each.detach(), parts: {} };
      t.equal(weighLoss(loss, [1, 0.5, 0], "cpu").mean.item(), Math.fround(2 / 3));
      t.equal(weighLoss(loss, [1, 1, 1], "cpu"), loss);
      const { each: _each, ...whole } = loss;
      t.throws(() => weighLoss(whole, [1, 2, 1], "cpu"), { code: "HYFW_SETTINGS_LOSS_WHOLE" });
    }),
  );
});

t.test("a pattern that names no row's file is refused", async (t) => {
  await checkLossWeights([{ match: ["tiny.*"], weight: 2 }], [tinyDataset()]);
  await t.rejects(checkLossWeights([{ match: ["tiny.*", "*/class/*"], weight: 2 }], [tinyDataset()]), {
    code: "HYFW_SETTINGS_LOSS_WEIGHTS",
    message: /"\*\/class\/\*" names no Arrow file[\s\S]*tiny\.arrow/,
  });
});

t.test(
  "a run whose rows weigh half is one with half the gradients; a weight of 0 trains nothing",
  async (t) => {
    const cwd = t.testdir({});
    const base = ["train.batchSize=3", "train.maxSteps=2", "log.every=1", "train.maxGradNorm=0"];
    const run = async (name: string, weight: number, lr: number) => {
      const rule = `train.lossWeights=[{match: ['tiny.arrow'], weight: ${weight}}]`;
      await trainTiny(cwd, [...base, `run.name=${name}`, rule, `train.lr=${lr}`]);
    };
    await run("whole", 1, 0.01);
    await run("half", 0.5, 0.02);
    await run("none", 0, 0.01);
    const norms = (name: string) => readMetrics(join(cwd, "runs", name)).map(({ gradNorm }) => gradNorm);
    const [whole = [], half = []] = [norms("001-whole"), norms("002-half")];
    // With momentum, half the gradients at twice the rate are the same steps.
    for (const [n, norm] of whole.entries())
      t.ok(Math.abs((half[n] ?? 0) * 2 - norm) < 1e-5 * norm, `step ${n + 1}`);
    t.same(norms("003-none"), [0, 0]);
    using scope = new Scope();
    const weights = (name: string) =>
      scope.run(() => {
        const path = join(cwd, "runs", name, "checkpoints/step-000002/model.safetensors");
        return openSafetensors(path).get("embed.weight").toArray();
      });
    t.notSame(weights("003-none"), weights("001-whole"));
  },
);
