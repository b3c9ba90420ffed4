import { rowUnknown } from "../errors/command-line.js";
import type { SamplerHook, Unit } from "../hooks/sampler.js";

/** A sampler that gives chosen positions of the index once, those of one bucket together, and nothing after. */
export function rowsSampler(positions: readonly number[]): SamplerHook {
  return {
    order: ({ buckets }, epoch) => {
      const length = buckets.reduce((sum, bucket) => sum + bucket.positions.length, 0);
      const wanted = new Set(positions);
      const units = buckets.flatMap((bucket): Unit[] => {
        const own = bucket.positions.filter((position) => wanted.delete(position));
        return own.length === 0 ? [] : [{ resolution: bucket.resolution, positions: own }];
      });
      const [unknown] = wanted;
      if (unknown !== undefined) throw rowUnknown(unknown, length);
      return {
        units: units.length,
        unit: (index) => {
          const unit = units[index];
          if (unit === undefined) throw new RangeError(`unit ${index} of epoch ${epoch} does not exist`);
          return unit;
        },
        notes: [],
      };
    },
  };
}
