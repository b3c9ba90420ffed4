import t from "tap";
import { SettingsSchema } from "../settings/schema.js";
import { turnOf } from "./mix.js";
import { tinyDataset, tinySampler } from "./tiny-run.fixture.js";
import {
  type DataPlace,
  FIRST_PLACE,
  mixedEpochUnits,
  type OpenPhase,
  type PlacedUnit,
  PlaceSchema,
  unitsFrom,
  wholeSteps,
} from "./unit-places.js";

const FACTS = { sampler: tinySampler, seed: 5, unitSize: 4, ranks: 2 };

function mixed(
  shares: Readonly<Record<string, readonly [rows: number, weight: number]>>,
  epochs = 3,
): OpenPhase {
  const total = Object.values(shares).reduce((sum, [, weight]) => sum + weight, 0);
  return {
    name: "mixed",
    sources: Object.entries(shares).map(([name, [rows, weight]]) => ({
      name,
      dataset: tinyDataset({ rows }),
      share: weight / total,
      augmenters: [],
    })),
    isMixed: true,
    epochs,
    maxUnits: 10_000,
    unitSize: 4,
    share: { microBatch: 2, perUnit: 1 },
    train: SettingsSchema.parse({}).train,
    hasOwnLr: false,
    steps: 0,
  };
}

const shown = ({ source, pass, epoch, positions, resolution }: PlacedUnit) => [
  source.name,
  pass,
  epoch,
  resolution.height,
  ...positions,
];

t.test(
  "at every moment each data set has had its share of the units, to less than one unit per set",
  async (t) => {
    for (const weights of [
      [1, 1],
      [3, 1],
      [1, 2, 5],
      [7, 1, 1, 1],
      [0.1, 0.9],
    ]) {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const shares = weights.map((weight) => weight / total);
      const turns = shares.map(() => ({ units: 0 }));
      for (let unit = 1; unit <= 500; unit++) {
        const turn = turns[turnOf(shares, turns)];
        if (turn !== undefined) turn.units += 1;
        for (const [n, share] of shares.entries()) {
          const off = Math.abs((turns[n]?.units ?? 0) - share * unit);
          if (off >= shares.length - 1 + 1e-9) t.fail(`${weights}: ${off} units off after ${unit}`);
        }
      }
    }
  },
);

t.test("a mixed phase goes through each data set's own epochs, as often as its share asks for", async (t) => {
  const phase = mixed({ small: [8, 1], large: [40, 1] });
  const units = [...unitsFrom(FIRST_PLACE, [phase], FACTS)];
  t.equal(units.length, 3 * mixedEpochUnits(phase), "an epoch is as many samples as there are rows together");
  const passes = (name: string) => {
    const uses = new Map<string, number>();
    for (const { source, pass, positions } of units)
      for (const position of source.name === name ? positions : [])
        uses.set(`${pass}/${position}`, (uses.get(`${pass}/${position}`) ?? 0) + 1);
    return uses;
  };
  for (const name of ["small", "large"])
    t.ok(
      [...passes(name).values()].every((uses) => uses === 1),
      `${name}: no picture twice in one pass`,
    );
  t.equal(passes("small").size, 18 * 4, "18 of 36 units: 9 passes over 8 rows");
  t.equal(passes("large").size, 18 * 4);
  for (const { positions, resolution, source } of units) {
    const bucket = source.dataset.buckets.find((one) => one.resolution === resolution);
    t.ok(
      [...positions].every((position) => bucket?.positions.includes(position)),
      "one data set, one bucket",
    );
  }
});

t.test("from every place the same units follow as without a stop", async (t) => {
  const phases = [
    mixed({ a: [12, 3], b: [20, 1], c: [9, 2] }, 2),
    { ...mixed({ d: [24, 1] }, 2), isMixed: false },
  ];
  const all = [...unitsFrom(FIRST_PLACE, phases, FACTS)];
  for (const [n, { at, after }] of all.entries()) {
    const saved = (place: DataPlace): DataPlace => PlaceSchema.parse(JSON.parse(JSON.stringify(place)));
    t.same([...unitsFrom(saved(at), phases, FACTS)].map(shown), all.slice(n).map(shown));
    t.same([...unitsFrom(saved(after), phases, FACTS)].map(shown), all.slice(n + 1).map(shown));
  }
  t.ok(all.some(({ phase }) => phase === phases[1]));
  const epochs = all.map(({ epoch }) => epoch);
  t.same(
    epochs,
    [...epochs].sort((a, b) => a - b),
    "epochs go up over phases",
  );
});

t.test("no step takes units of two phases", async (t) => {
  const train = { ...SettingsSchema.parse({}).train, gradAccuSteps: 3 };
  const phases = [
    { ...mixed({ a: [16, 1], b: [12, 1] }, 1), train },
    { ...mixed({ c: [40, 1] }, 1), train: { ...train, gradAccuSteps: 2 } },
  ];
  const all = [...unitsFrom(FIRST_PLACE, phases, FACTS)];
  t.same([all.filter(({ phase }) => phase === phases[0]).length, all.length], [7, 17]);
  const kept = [...wholeSteps(all)];
  t.same([kept.filter(({ phase }) => phase === phases[0]).length, kept.length], [6, 16]);
});
