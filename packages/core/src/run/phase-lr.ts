import { lrAt, scaledLr } from "./lr-schedule.js";
import type { PlacedUnit } from "./unit-places.js";

/**
 * Learning rate of the step that begins with a unit: a phase that sets anything of it follows a schedule over its own
 * steps, warm-up included; the others follow the run's over all of them. Scaled to the samples of the phase's steps where the
 * settings say so.
 */
export function phaseLr(
  { phase, at }: Pick<PlacedUnit, "phase" | "at">,
  step: number,
  lastStep: number,
): number {
  const { gradAccuSteps } = phase.train;
  const settings = scaledLr(phase.train, phase.unitSize * gradAccuSteps);
  if (!phase.hasOwnLr) return lrAt(step, lastStep, settings);
  return lrAt(Math.floor(at.phaseUnits / gradAccuSteps) + 1, phase.steps, settings);
}
