import t from "tap";
import { killSampling } from "../scripts/kill-sampling.mjs";

t.test(
  "sampling that is stopped anywhere goes on with the same samples at any number of processes",
  async (t) => {
    const report = await killSampling({ points: 60, seed: 7, limitMs: 120_000 });
    t.same(report.faults, []);
    t.ok(report.points >= 20 && report.runs >= 2, JSON.stringify(report));
    t.ok(report.replaced > 0 && report.worldSizes.length >= 6, JSON.stringify(report));
  },
);
