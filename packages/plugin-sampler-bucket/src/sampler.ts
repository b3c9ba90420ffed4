import type { EpochOrder, SamplerFacts, SamplerHook } from "@hyfw/core";
import { bucketUnits, type Leftover } from "./bucket-stream.js";
import { noUnits, unitSizeInvalid } from "./errors.js";
import { permutation } from "./permute.js";

/**
 * A sampler that permutes each bucket's rows, cuts them into units of one resolution, and permutes the units of all buckets.
 * Pure: the order of an epoch needs no other epoch's.
 * With `carry`, an epoch of fewer rows than a unit may hold no unit; a later one then has them.
 * @throws HYFW_SAMPLER_NO_UNITS when there are no rows or, with `drop`, no whole unit; HYFW_SAMPLER_UNIT_SIZE for a unit size that is no positive whole number
 */
export function bucketSampler({ leftover }: { leftover: Leftover }): SamplerHook {
  return { order: (facts, epoch) => epochOrder(facts, epoch, leftover) };
}

function epochOrder(
  { buckets, seed, unitSize }: SamplerFacts,
  epoch: number,
  leftover: Leftover,
): EpochOrder {
  if (!Number.isInteger(unitSize) || unitSize < 1) throw unitSizeInvalid(unitSize);
  const filled = buckets.filter(({ positions }) => positions.length > 0);
  const parts = filled.map((bucket) => bucketUnits(bucket, { seed, epoch, unitSize }, leftover));
  const total = parts.reduce((sum, { units }) => sum + units, 0);
  const rows = filled.reduce((sum, { positions }) => sum + positions.length, 0);
  // With carry a small set fills a unit only every few epochs, so an epoch without one is in order.
  if (rows === 0 || (total === 0 && leftover !== "carry")) {
    throw noUnits({ rows, buckets: filled.length, unitSize, epoch, leftover });
  }
  // Unit u belongs to the bucket whose range of unit numbers holds it.
  const bucketOf = new Uint16Array(total);
  const numberIn = new Uint32Array(total);
  let at = 0;
  for (const [bucket, { units }] of parts.entries())
    for (let i = 0; i < units; i++) {
      bucketOf[at] = bucket;
      numberIn[at++] = i;
    }
  const order = permutation(total, { seed, epoch, name: "all", purpose: "sampler-bucket/units" });
  return {
    units: total,
    unit: (index) => {
      const unit = order[index];
      const bucket = unit === undefined ? undefined : bucketOf[unit];
      const part = bucket === undefined ? undefined : parts[bucket];
      const source = bucket === undefined ? undefined : filled[bucket];
      if (unit === undefined || part === undefined || source === undefined)
        throw new RangeError(`unit ${index} lies outside of epoch ${epoch} (${total} units)`);
      return { resolution: source.resolution, positions: part.unit(numberIn[unit] as number) };
    },
    notes: parts.flatMap(({ note }) => (note === undefined ? [] : [note])),
  };
}
