import { join } from "node:path";
import { noProcessGroups } from "@hyfw/native";
import t from "tap";
import { lastMetrics, train, writeTinyConfig } from "../packages/core/src/launch/hyfw-process.fixture.js";

const skip = noProcessGroups() === "" ? false : noProcessGroups();

t.test("the validation loss is the same at every number of processes, bit for bit", { skip }, async (t) => {
  // So small a rate leaves the weights as they are, whatever order gradients are added in.
  const words = ["--max-training-steps", "2", "--lr", "1e-30", "--set", "validation.timesteps=2"];
  const split = ["--validation-every", "1", "--validation-fraction", "0.3", "--validation-samples", "5"];
  const batch = ["--set", "validation.batchSize=2"];
  const root = t.testdir({ one: {}, two: {}, "zero-3": {} });
  const measured: object[] = [];
  for (const [part, plugins, more] of [
    ["one", {}, ["--batch-size", "4"]],
    ["two", {}, ["--batch-size", "2", "--nproc", "2"]],
    ["zero-3", { "accelerator-zero": { stage: 3 } }, ["--batch-size", "2", "--nproc", "2"]],
  ] as const) {
    const cwd = join(root, part);
    writeTinyConfig(cwd, plugins);
    await train(cwd, [...words, ...split, ...batch, ...more]);
    const lines = lastMetrics(cwd);
    t.equal(lines.length, 2);
    const [first, second] = lines.map(({ validation }) => ({ ...validation, ms: 0 }));
    t.same(second, first, `${part}: the same weights have the same loss at every step`);
    measured.push(first ?? {});
  }
  const [one, ...others] = measured;
  for (const other of others) t.same(other, one);
  t.match(one, { samples: 5 });
});
