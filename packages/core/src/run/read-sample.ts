import type { Augmenter, Sample } from "../hooks/augmenter.js";
import { diceFor } from "./dice.js";
import { firstSample } from "./first-sample.js";
import type { PlacedUnit } from "./unit-places.js";

/** One sample as augmenters leave it, before its picture is decoded; the same wherever and whenever it is read. */
export async function readSample(
  position: number,
  { phase, epoch, resolution }: PlacedUnit,
  { seed, augmenters }: { readonly seed: number; readonly augmenters: readonly Augmenter[] },
): Promise<Sample> {
  const row = await phase.dataset.row(position);
  const dice = diceFor(seed, epoch, row.id);
  const sample = firstSample(row, epoch, phase.dataset.geometry(row, resolution));
  return augmenters.reduce((last, augmenter) => augmenter.augment(last, dice), sample);
}
