import { lrAt } from "./lr-schedule.js";
import type { PlacedUnit } from "./unit-places.js";

/**
 * Learning rate of the step that begins with a unit: a phase that sets anything of it follows a schedule over its own
 * steps, warm-up included; the others follow the run's over all of them.
 */
export function phaseLr(
  { phase, at }: Pick<PlacedUnit, "phase" | "at">,
  step: number,
  lastStep: number,
): number {
  if (!phase.hasOwnLr) return lrAt(step, lastStep, phase.train);
  return lrAt(Math.floor(at.phaseUnits / phase.train.gradAccuSteps) + 1, phase.steps, phase.train);
}
