import type { Settings } from "../settings/schema.js";

/** The settings that the learning rate follows. */
export type LrSettings = Pick<
  Settings["train"],
  "lr" | "lrSchedule" | "minLr" | "warmupSteps" | "warmupMinLr"
>;

/**
 * Learning rate of optimizer step `step`, from 1.
 *
 * Warm-up is DeepSpeed's WarmupLR in its logarithmic form: step u runs at min + (lr - min)·ln(u)/ln(n), with n the
 * warm-up steps, at least 2. The official trainer sets a rate only after each update, so its first update runs at the
 * full rate; here the first runs at `warmupMinLr`, and all later ones as there.
 * After warm-up: lr itself, or a line or half a cosine down to `minLr` at `lastStep`.
 */
export function lrAt(step: number, lastStep: number, settings: LrSettings): number {
  const { lr, lrSchedule, minLr, warmupSteps, warmupMinLr } = settings;
  const warmup = warmupSteps === 0 ? 0 : Math.max(2, warmupSteps);
  if (step < warmup) return warmupMinLr + ((lr - warmupMinLr) * Math.log(step)) / Math.log(warmup);
  if (lrSchedule === "constant") return lr;
  const start = Math.max(1, warmup);
  const progress = lastStep <= start ? 1 : Math.min(1, (step - start) / (lastStep - start));
  const left = lrSchedule === "linear" ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2;
  return minLr + (lr - minLr) * left;
}

/** In words for the plan. */
export function describeLr(settings: LrSettings, _samplesPerStep: number, lastStep: number): string {
  const { lr, lrSchedule, minLr, warmupSteps } = settings;
  const schedule = lrSchedule === "constant" ? "constant" : `${lrSchedule} to ${minLr} at step ${lastStep}`;
  return `${lr}, ${warmupSteps > 0 ? `${warmupSteps} warm-up steps, ` : ""}${schedule}`;
}
