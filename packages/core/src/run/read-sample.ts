import type { Augmenter, Sample } from "../hooks/augmenter.js";
import type { Dataset } from "../hooks/dataset.js";
import { diceFor } from "./dice.js";
import { firstSample } from "./first-sample.js";
import type { PlacedUnit } from "./unit-places.js";

/** What of a unit its samples follow from. */
export type SampledUnit = Pick<PlacedUnit, "pass" | "resolution"> & {
  readonly source: { readonly dataset: Dataset; readonly augmenters: readonly Augmenter[] };
};

/** One sample as augmenters leave it, before its picture is decoded; the same wherever and whenever it is read. */
export async function readSample(
  position: number,
  { source: { dataset, augmenters }, pass, resolution }: SampledUnit,
  seed: number,
): Promise<Sample> {
  const row = await dataset.row(position);
  const dice = diceFor(seed, pass, row.id);
  const sample = firstSample(row, pass, dataset.geometry(row, resolution));
  return augmenters.reduce((last, augmenter) => augmenter.augment(last, dice), sample);
}
