import type { LoadedBatch } from "./loader.js";
import type { OpenPhase } from "./unit-places.js";

/** Samples drawn so far by data set, with those of a step added. */
export function addUse(
  use: Readonly<Record<string, number>>,
  batches: readonly LoadedBatch[],
  worldSize: number,
): Record<string, number> {
  const sum = { ...use };
  for (const { unit, samples } of batches)
    sum[unit.source.name] = (sum[unit.source.name] ?? 0) + samples.length * worldSize;
  return sum;
}

/** What was drawn, for a person: label and fact per data set, and the rows that were replaced. */
export function useRows(
  phases: readonly OpenPhase[],
  use: Readonly<Record<string, number>>,
  badSamples = 0,
): (readonly [string, string])[] {
  const rows = phases
    .flatMap(({ sources }) => sources)
    .flatMap(({ name, dataset }): (readonly [string, string])[] => {
      const samples = use[name] ?? 0;
      const passes = Number((samples / dataset.length).toFixed(2));
      const count = (number: number): string => number.toLocaleString("en");
      return samples === 0
        ? []
        : [[name, `${count(samples)} sample(s) of ${count(dataset.length)} position(s): ${passes} pass(es)`]];
    });
  if (badSamples > 0) rows.push(["replaced", `${badSamples} row(s) that could not be read`]);
  return rows;
}
