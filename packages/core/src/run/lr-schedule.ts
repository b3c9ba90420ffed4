import type { LrSettings } from "../settings/lr-settings.js";

/** What of the settings a schedule follows. */
export type LrShape = Omit<LrSettings, "lrScaling" | "lrScalingBase">;

/** A place in a schedule: steps done of all, whole numbers, so that a cycle begins at the very step it should. */
interface Way {
  readonly done: number;
  readonly length: number;
}

/** How much of the way from `minLr` up to `lr` is left at a place in the schedule, 0 to 1. */
const LEFT: Readonly<Record<LrSettings["lrSchedule"], (way: Way, settings: LrShape) => number>> = {
  constant: () => 1,
  linear: ({ done, length }) => 1 - done / length,
  cosine: ({ done, length }) => halfCosine(done / length),
  polynomial: ({ done, length }, { lrPower }) => (1 - done / length) ** lrPower,
  // The end belongs to the last cycle, which ends at minLr.
  cosine_with_restarts: ({ done, length }, { lrCycles }) =>
    done === length ? 0 : halfCosine(((done * lrCycles) % length) / length),
};

/**
 * Learning rate of optimizer step `step`, from 1.
 *
 * Warm-up in its `log` form is DeepSpeed's WarmupLR: step u runs at min + (lr - min)·ln(u)/ln(n), with n the warm-up
 * steps, at least 2. The official trainer sets a rate only after each update, so its first update runs at the full
 * rate: that is `legacy`, all later steps are equal. `linear` grows by the same amount each step, from `warmupMinLr` at
 * step 1 to lr at step n.
 * After warm-up: lr itself, or down to `minLr` at `lastStep`, which it then keeps.
 */
export function lrAt(step: number, lastStep: number, settings: LrShape): number {
  const { lr, lrSchedule, minLr, warmupSteps, warmupMinLr, warmupForm } = settings;
  const warmup = warmupSteps === 0 ? 0 : Math.max(2, warmupSteps);
  if (step < warmup) {
    if (warmupForm === "legacy" && step === 1) return lr;
    const share = warmupForm === "linear" ? (step - 1) / (warmup - 1) : Math.log(step) / Math.log(warmup);
    return warmupMinLr + (lr - warmupMinLr) * share;
  }
  const start = Math.max(1, warmup);
  const length = lastStep - start;
  const way = length <= 0 ? { done: 1, length: 1 } : { done: Math.min(length, step - start), length };
  return minLr + (lr - minLr) * LEFT[lrSchedule](way, settings);
}

/**
 * The settings with lr scaled to the samples of an optimizer step: times samples / base (Goyal et al. 2017), or the
 * root of that (Krizhevsky 2014). Where warm-up starts and where a schedule ends stay as they are.
 */
export function scaledLr<Lr extends LrSettings>(settings: Lr, samplesPerStep: number): Lr {
  const { lr, lrScaling, lrScalingBase } = settings;
  if (lrScaling === "none") return settings;
  const ratio = samplesPerStep / lrScalingBase;
  return { ...settings, lr: lr * (lrScaling === "linear" ? ratio : Math.sqrt(ratio)) };
}

/** In words for the plan. @param settings as written, before scaling */
export function describeLr(settings: LrSettings, samplesPerStep: number, lastStep: number): string {
  const { lrSchedule, lrPower, lrCycles, minLr, warmupSteps, warmupForm, lrScaling, lrScalingBase } =
    settings;
  const { lr } = scaledLr(settings, samplesPerStep);
  const rule = lrScaling === "sqrt" ? "√" : "";
  const scaled =
    lrScaling === "none"
      ? ""
      : ` = ${settings.lr} × ${rule}(${samplesPerStep} / ${lrScalingBase}) samples per step`;
  const form = warmupForm === "log" ? "" : ` (${warmupForm})`;
  const warmup = warmupSteps > 0 ? `${warmupSteps} warm-up steps${form}, ` : "";
  const detail =
    lrSchedule === "polynomial"
      ? ` of power ${lrPower}`
      : lrSchedule === "cosine_with_restarts"
        ? `, ${lrCycles} cycles,`
        : "";
  const way =
    lrSchedule === "constant" ? "constant" : `${lrSchedule}${detail} to ${minLr} at step ${lastStep}`;
  const late = warmupSteps >= lastStep ? "; the run ends within its warm-up" : "";
  return `${Number(lr.toPrecision(6))}${scaled}, ${warmup}${way}${late}`;
}

function halfCosine(progress: number): number {
  return (1 + Math.cos(Math.PI * progress)) / 2;
}
