import t from "tap";
import { mseWeight, WEIGHT_NAMES } from "./loss-weight.js";

/** What the weight of an error means for x₀: an error of ε is SNR times that of x₀, one of v SNR + 1 times. */
const TABLE: readonly [string, Parameters<typeof mseWeight>[1], snr: number, weight: number][] = [
  ["min_snr_5", "epsilon", 20, 5 / 20],
  ["min_snr_5", "epsilon", 2, 1],
  ["min_snr_5", "v_prediction", 20, 5 / 20],
  ["min_snr_exact_5", "epsilon", 20, 5 / 20],
  ["min_snr_exact_5", "v_prediction", 20, 5 / 21],
  ["min_snr_exact_5", "v_prediction", 2, 2 / 3],
  ["min_snr_exact_2.5", "sample", 20, 2.5],
  ["debiased", "epsilon", 4, 1 / 2],
  ["debiased", "sample", 4, 2],
  ["debiased", "v_prediction", 4, 2 / 5],
  ["velocity", "sample", 4, 5],
  ["velocity_3", "sample", 4, 3],
  ["velocity", "epsilon", 4, 5 / 4],
];

for (const [name, predictType, snr, weight] of TABLE)
  t.test(`${name} for ${predictType} at SNR ${snr}`, async (t) => {
    t.match(name, WEIGHT_NAMES);
    t.ok(Math.abs((mseWeight(name, predictType)?.(snr) ?? Number.NaN) - weight) < 1e-15);
  });

t.test("constant has no weight; other names are none", async (t) => {
  t.equal(mseWeight("constant", "epsilon"), undefined);
  t.equal(mseWeight("velocity_5", "v_prediction"), undefined);
  for (const name of ["min_snr_", "min_snr_exact", "debias", "min_snr_x"]) t.notMatch(name, WEIGHT_NAMES);
});
