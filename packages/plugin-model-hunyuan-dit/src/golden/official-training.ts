/** How a warm-up of the official trainer grows. */
export interface Warmup {
  readonly minLr: number;
  readonly maxLr: number;
  readonly steps: number;
  readonly type: "log" | "linear";
}

/** The rate after update u, counted from 1: min + (max − min)·ln(u + 1)/ln(n), or (u / n) when linear; then max. */
export function warmupLr({ minLr, maxLr, steps, type }: Warmup, update: number): number {
  const n = Math.max(2, steps);
  if (update >= n) return maxLr;
  const share = type === "log" ? Math.log(update + 1) / Math.log(n) : update / n;
  return minLr + (maxLr - minLr) * share;
}

/** Settings of the official moving average of weights. */
export interface OfficialEma {
  readonly dtype: "fp16" | "fp32" | "none";
  readonly decay?: number | undefined;
  readonly warmup?: boolean | undefined;
  readonly power?: number | undefined;
  /** Counts the average's own updates, from 1, instead of micro-steps before this one, from 0. */
  readonly resetDecay?: boolean | undefined;
}

/** The decay at a step: fixed, or growing as 1 − (1 + s)^(−power) up to the limit, with s one step behind. */
export function emaDecay({ dtype, decay, warmup, power }: OfficialEma, step: number): number {
  const most = decay ?? (dtype === "fp32" ? 0.9999 : 0.992);
  if (warmup !== true) return most;
  const s = Math.max(0, step - 1);
  if (s === 0) return 0;
  return Math.min(most, 1 - (1 + s) ** -(power ?? (dtype === "fp32" ? 2 / 3 : 0.446249)));
}
