import type { Bucket } from "@hyfw/core";
import t from "tap";
import { alignRows } from "./bucket-stream.js";
import { bucketSampler } from "./sampler.js";

function bucketsOf(...lengths: number[]): Bucket[] {
  let at = 0;
  return lengths.map((length, i) => {
    const positions = Uint32Array.from({ length }, (_, k) => at + k);
    at += length;
    return { resolution: { height: 16 * (i + 1), width: 64 }, positions };
  });
}

function epoch(leftover: "carry" | "drop" | "pad", buckets: Bucket[], unitSize: number, e: number, seed = 7) {
  const order = bucketSampler({ leftover }).order({ buckets, seed, unitSize }, e);
  const units = Array.from({ length: order.units }, (_, i) => order.unit(i));
  return { units, rows: units.flatMap(({ positions }) => Array.from(positions)), notes: order.notes };
}

const sorted = (rows: readonly number[]) => [...rows].sort((a, b) => a - b);

t.test("carry shows every row exactly once per pass, whatever the unit size", async (t) => {
  for (const unitSize of [1, 4, 7, 10, 16])
    for (const n of [1, 3, 10, 29]) {
      const seen: number[] = [];
      for (let e = 0; e < 2 * unitSize; e++) seen.push(...epoch("carry", bucketsOf(n), unitSize, e).rows);
      t.equal(seen.length, Math.floor((2 * unitSize * n) / unitSize) * unitSize);
      const counts = new Map<number, number>();
      for (const row of seen) counts.set(row, (counts.get(row) ?? 0) + 1);
      t.same([...counts.values()], new Array(n).fill(2 * unitSize), `n ${n}, unit ${unitSize}`);
    }
});

t.test("an epoch needs no other epoch and no earlier call", async (t) => {
  const buckets = bucketsOf(23, 9, 40);
  const sampler = bucketSampler({ leftover: "carry" });
  const facts = { buckets, seed: 3, unitSize: 8 };
  const alone = Array.from(sampler.order(facts, 5).unit(2).positions);
  for (let e = 0; e < 5; e++) sampler.order(facts, e);
  t.same(Array.from(sampler.order(facts, 5).unit(2).positions), alone);
});

t.test("seed and epoch change the order, the same ones give the same order", async (t) => {
  const buckets = bucketsOf(64);
  const first = epoch("carry", buckets, 8, 0).rows;
  t.same(epoch("carry", buckets, 8, 0).rows, first);
  t.notSame(epoch("carry", buckets, 8, 1).rows, first);
  t.notSame(epoch("carry", buckets, 8, 0, 8).rows, first);
  t.notSame(first, sorted(first), "the order is not that of the index");
});

t.test("every unit holds rows of one bucket only, and buckets are interleaved", async (t) => {
  const buckets = bucketsOf(80, 80, 80);
  const { units } = epoch("carry", buckets, 8, 0);
  for (const { resolution, positions } of units) {
    const bucket = buckets.find((one) => one.resolution === resolution);
    t.ok(Array.from(positions).every((row) => bucket?.positions.includes(row)));
    t.equal(positions.length, 8);
  }
  const changes = units.filter((unit, i) => i > 0 && unit.resolution !== units[i - 1]?.resolution).length;
  t.ok(changes > 3, `${changes} changes of bucket`);
});

t.test("world sizes that divide the unit see the same samples in the same units", async (t) => {
  const { units } = epoch("carry", bucketsOf(37, 50), 8, 2);
  for (const worldSize of [1, 2, 4, 8]) {
    const share = 8 / worldSize;
    const dealt = units.map(({ positions }) =>
      Array.from({ length: worldSize }, (_, rank) =>
        Array.from(positions.subarray(rank * share, (rank + 1) * share)),
      ),
    );
    t.same(
      dealt.flat(2),
      units.flatMap(({ positions }) => Array.from(positions)),
    );
  }
});

t.test("drop leaves out less than a unit per bucket and says so", async (t) => {
  const { rows, notes } = epoch("drop", bucketsOf(23, 16), 8, 1);
  t.equal(rows.length, 32);
  t.equal(new Set(rows).size, 32);
  t.same(notes, ["16x64: 7 of 23 row(s) left out of this epoch"]);
});

t.test("pad repeats rows as the official alignment does", async (t) => {
  t.same(Array.from(alignRows(Uint32Array.of(5, 6, 7), 8)), [5, 5, 6, 6, 6, 7, 7, 7]);
  t.same(Array.from(alignRows(Uint32Array.of(5, 6), 2)), [5, 6]);
  const { rows, notes } = epoch("pad", bucketsOf(3), 8, 0);
  t.same(sorted(rows), [0, 0, 1, 1, 1, 2, 2, 2]);
  t.same(notes, ["16x64: 3 row(s) filled up with 5 repeat(s)"]);
});

t.test("an epoch without a unit is an error that says what to do, except with carry", async (t) => {
  t.throws(() => epoch("drop", bucketsOf(3), 8, 0), { code: "HYFW_SAMPLER_NO_UNITS", message: /batch size/ });
  t.throws(() => epoch("carry", [], 8, 0), { code: "HYFW_SAMPLER_NO_UNITS" });
  t.equal(epoch("carry", bucketsOf(3), 8, 0).units.length, 0);
  t.equal(epoch("carry", bucketsOf(3), 8, 2).units.length, 1);
  t.throws(() => epoch("carry", bucketsOf(3), 0, 0), { code: "HYFW_SAMPLER_UNIT_SIZE" });
});

t.test("legacy-indexkits deals a single bucket in turns, and pads several", async (t) => {
  const sampler = bucketSampler({ leftover: "legacy-indexkits", order: "index" });
  const [one] = bucketsOf(29);
  const facts = { buckets: bucketsOf(29), seed: 7, unitSize: 8, ranks: 2 };
  const order = sampler.order(facts, 0);
  t.equal(order.units, 3);
  // Rank 0 has the even places and rank 1 the odd ones; rank 0's batch comes first.
  t.same(Array.from(order.unit(1).positions), [8, 10, 12, 14, 9, 11, 13, 15]);
  t.equal(order.unit(1).resolution.height, one?.resolution.height);
  t.same(order.notes, ["16x64: 5 of 29 row(s) left out of this epoch"]);
  const several = sampler.order({ ...facts, buckets: bucketsOf(3, 9) }, 0);
  t.same(Array.from(several.unit(0).positions), [0, 0, 1, 1, 1, 2, 2, 2]);
  t.equal(several.units, 3);
  const keyed = bucketSampler({ leftover: "legacy-indexkits" }).order(facts, 1);
  const rows = Array.from({ length: keyed.units }, (_, i) => [...keyed.unit(i).positions]).flat();
  t.equal(new Set(rows).size, 24, "permuted, and still no row twice");
  t.notSame(rows, sorted(rows));
});

t.test("index order keeps rows as they are, bucket after bucket, in every epoch", async (t) => {
  const order = bucketSampler({ leftover: "drop", order: "index" });
  for (const epoch of [0, 3]) {
    const { units, unit } = order.order({ buckets: bucketsOf(9, 6), seed: 1, unitSize: 4 }, epoch);
    t.same(
      Array.from({ length: units }, (_, i) => [...unit(i).positions]),
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [9, 10, 11, 12],
      ],
    );
  }
});
