import { diceKey, rngFromKey } from "@hyfw/core";
import t from "tap";
import { isEven, type TimestepOptions, timestepChances, timestepDraw } from "./timestep-draw.js";

const EVEN: TimestepOptions = {
  timestepSampling: "uniform",
  timestepMean: 0,
  timestepStd: 1,
  timestepRange: [0, 999],
  timestepWeights: [1],
};

t.test("chances by range and bands", async (t) => {
  const even = timestepChances(1000, EVEN);
  t.ok(even.every((one) => Math.abs(one - 1e-3) < 1e-15));
  t.ok(isEven(1000, EVEN) && isEven(1000, { ...EVEN, timestepWeights: [2, 2] }));
  const some = { ...EVEN, timestepRange: [100, 299], timestepWeights: [3, 1, 0, 1, 1] } as const;
  const chances = timestepChances(1000, some);
  t.notOk(isEven(1000, some));
  t.same([chances[99], chances[300]], [0, 0]);
  t.ok(Math.abs((chances[150] ?? 0) - 3 * (chances[250] ?? 0)) < 1e-15);
  t.ok(Math.abs(chances.reduce((sum, one) => sum + one, 0) - 1) < 1e-12);
});

t.test("logit-normal chances are those of a counted sample, and shift with the mean", async (t) => {
  const options = { ...EVEN, timestepSampling: "logit_normal", timestepMean: 0.5, timestepStd: 0.8 } as const;
  const chances = timestepChances(1000, options);
  // Normal numbers by Box and Muller, pushed through the sigmoid and counted in tenths.
  const rng = rngFromKey(diceKey(1, 0, "test", "logit"));
  const counted = new Float64Array(10);
  const draws = 200_000;
  for (let n = 0; n < draws; n++) {
    const normal = Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
    const tenth = Math.floor(10 / (1 + Math.exp(-(0.5 + 0.8 * normal))));
    counted[tenth] = (counted[tenth] ?? 0) + 1 / draws;
  }
  for (const [tenth, share] of counted.entries()) {
    const wanted = chances.slice(tenth * 100, (tenth + 1) * 100).reduce((sum, one) => sum + one, 0);
    // Four times the spread of such a count.
    t.ok(Math.abs(share - wanted) < 4 * Math.sqrt(wanted / draws), `tenth ${tenth}: ${share}, ${wanted}`);
  }
});

t.test("a draw is the timestep that its share of all chances falls into", async (t) => {
  const draw = timestepDraw(Float64Array.of(0, 0.25, 0, 0.5, 0.25, 0));
  t.same(
    [0, 0.2, 0.25, 0.7, 0.75, 0.999999].map((u) => draw(u)),
    [1, 1, 3, 3, 4, 4],
  );
  const chances = timestepChances(1000, { ...EVEN, timestepRange: [5, 7] });
  const seen = new Set(Array.from({ length: 300 }, (_, n) => timestepDraw(chances)(n / 300)));
  t.same([...seen], [5, 6, 7]);
});
