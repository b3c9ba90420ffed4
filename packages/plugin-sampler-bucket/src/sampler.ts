import type { EpochOrder, SamplerFacts, SamplerHook } from "@hyfw/core";
import { bucketUnits, dealtInTurns, type Leftover, type RowOrder } from "./bucket-stream.js";
import { noUnits, unitSizeInvalid } from "./errors.js";
import { permutation } from "./permute.js";

/**
 * A sampler that permutes each bucket's rows, cuts them into units of one resolution, and permutes the units of all buckets.
 * Pure: the order of an epoch needs no other epoch's.
 * With `carry`, an epoch of fewer rows than a unit may hold no unit; a later one then has them.
 * @throws HYFW_SAMPLER_NO_UNITS when there are no rows or, with `drop`, no whole unit; HYFW_SAMPLER_UNIT_SIZE for a unit size that is no positive whole number
 */
export function bucketSampler(options: SamplerChoice): SamplerHook {
  return { order: (facts, epoch) => epochOrder(facts, epoch, options) };
}

/** How a sampler orders rows. */
export interface SamplerChoice {
  readonly leftover: Leftover;
  /** `keyed` when left out. */
  readonly order?: RowOrder;
}

function epochOrder(
  { buckets, seed, unitSize, ranks = 1 }: SamplerFacts,
  epoch: number,
  { leftover, order: rowOrder = "keyed" }: SamplerChoice,
): EpochOrder {
  if (!Number.isInteger(unitSize) || unitSize < 1) throw unitSizeInvalid(unitSize);
  const filled = buckets.filter(({ positions }) => positions.length > 0);
  const draw = { seed, epoch, unitSize, order: rowOrder };
  const [only, ...more] = filled;
  const parts =
    leftover === "legacy-indexkits" && only !== undefined && more.length === 0
      ? [dealtInTurns(only, draw, ranks)]
      : filled.map((bucket) => bucketUnits(bucket, draw, leftover === "legacy-indexkits" ? "pad" : leftover));
  const total = parts.reduce((sum, { units }) => sum + units, 0);
  const rows = filled.reduce((sum, { positions }) => sum + positions.length, 0);
  // With carry a small set fills a unit only every few epochs, so an epoch without one is in order.
  if (rows === 0 || (total === 0 && leftover !== "carry")) {
    throw noUnits({ rows, buckets: filled.length, unitSize, epoch, leftover });
  }
  // Unit u belongs to the bucket whose range of unit numbers holds it.
  const starts = new Float64Array(parts.length + 1);
  for (const [n, { units }] of parts.entries()) starts[n + 1] = (starts[n] ?? 0) + units;
  let order: Uint32Array | undefined;
  return {
    units: total,
    unit: (index) => {
      order ??=
        rowOrder === "index"
          ? Uint32Array.from({ length: total }, (_, n) => n)
          : permutation(total, { seed, epoch, name: "all", purpose: "sampler-bucket/units" });
      const unit = order[index];
      if (unit === undefined)
        throw new RangeError(`unit ${index} lies outside of epoch ${epoch} (${total} units)`);
      const bucket = lastAtMost(starts, unit);
      const part = parts[bucket];
      const source = filled[bucket];
      if (part === undefined || source === undefined) throw new RangeError(`unit ${unit} lies in no bucket`);
      return { resolution: source.resolution, positions: part.unit(unit - (starts[bucket] ?? 0)) };
    },
    notes: parts.flatMap(({ note }) => (note === undefined ? [] : [note])),
  };
}

/** Place of the last number that is at most `value`, among rising ones; of equal ones the last. */
function lastAtMost(rising: Float64Array, value: number): number {
  let low = 0;
  let high = rising.length;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? 0) <= value) low = middle;
    else high = middle;
  }
  return low;
}
