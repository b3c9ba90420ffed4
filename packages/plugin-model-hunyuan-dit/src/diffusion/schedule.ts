import { solverSteps, timestepOutside } from "../errors.js";

/** Timesteps of every schedule. */
export const TIMESTEPS = 1000;

/** Which noise schedule. */
export interface ScheduleOptions {
  readonly noiseSchedule: "scaled_linear" | "linear" | "squaredcos_cap_v2";
  readonly betaStart: number;
  readonly betaEnd: number;
}

/**
 * Everything that a formula needs per timestep, float64, index t from 0 (Ho et al. 2020, section 2). Numbers are cast
 * to float32 only after the entry for t was picked.
 */
export interface Schedule {
  readonly length: number;
  readonly betas: Float64Array;
  /** ᾱ */
  readonly alphasCumprod: Float64Array;
  /** ᾱ one step earlier; 1 at t = 0. */
  readonly alphasCumprodPrev: Float64Array;
  readonly sqrtAlphasCumprod: Float64Array;
  readonly sqrtOneMinusAlphasCumprod: Float64Array;
  readonly logOneMinusAlphasCumprod: Float64Array;
  readonly sqrtRecipAlphasCumprod: Float64Array;
  readonly sqrtRecipm1AlphasCumprod: Float64Array;
  /** β̃, the variance of the posterior q(x_{t−1} | x_t, x₀). */
  readonly posteriorVariance: Float64Array;
  /** log β̃, with the entry at 0 replaced by that at 1, since β̃₀ is 0. */
  readonly posteriorLogVarianceClipped: Float64Array;
  /** Factor of x₀ in the posterior mean. */
  readonly posteriorMeanCoef1: Float64Array;
  /** Factor of x_t in the posterior mean. */
  readonly posteriorMeanCoef2: Float64Array;
}

/** The betas by their formula: scaled_linear is linear in √β; squaredcos_cap_v2 is Nichol & Dhariwal 2021, eq. 17. */
export function namedBetas({ noiseSchedule, betaStart, betaEnd }: ScheduleOptions): Float64Array {
  if (noiseSchedule === "linear") return linspace(betaStart, betaEnd, TIMESTEPS);
  if (noiseSchedule === "scaled_linear")
    return linspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), TIMESTEPS).map((root) => root * root);
  const alphaBar = (t: number): number => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return Float64Array.from({ length: TIMESTEPS }, (_, i) =>
    Math.min(1 - alphaBar((i + 1) / TIMESTEPS) / alphaBar(i / TIMESTEPS), 0.999),
  );
}

/** The tables of a schedule. Betas are rebuilt from ᾱ as in the official trainer, which moves them by about 1e-16. */
export function makeSchedule(options: ScheduleOptions): Schedule {
  const rebuilt = rebuildBetas(cumulate(namedBetas(options)));
  const alphasCumprod = cumulate(rebuilt);
  const previous = Float64Array.of(1, ...alphasCumprod.subarray(0, -1));
  const per = (formula: (t: number, bar: number, before: number, beta: number) => number): Float64Array =>
    rebuilt.map((beta, t) => formula(t, alphasCumprod[t] ?? 0, previous[t] ?? 0, beta));
  const posteriorVariance = per((_, bar, before, beta) => (beta * (1 - before)) / (1 - bar));
  return {
    length: TIMESTEPS,
    betas: rebuilt,
    alphasCumprod,
    alphasCumprodPrev: previous,
    sqrtAlphasCumprod: alphasCumprod.map(Math.sqrt),
    sqrtOneMinusAlphasCumprod: per((_, bar) => Math.sqrt(1 - bar)),
    logOneMinusAlphasCumprod: per((_, bar) => Math.log(1 - bar)),
    sqrtRecipAlphasCumprod: per((_, bar) => Math.sqrt(1 / bar)),
    sqrtRecipm1AlphasCumprod: per((_, bar) => Math.sqrt(1 / bar - 1)),
    posteriorVariance,
    posteriorLogVarianceClipped: posteriorVariance.map((_, t) =>
      Math.log(posteriorVariance[Math.max(t, 1)] ?? 0),
    ),
    posteriorMeanCoef1: per((_, bar, before, beta) => (beta * Math.sqrt(before)) / (1 - bar)),
    posteriorMeanCoef2: per((_, bar, before, beta) => ((1 - before) * Math.sqrt(1 - beta)) / (1 - bar)),
  };
}

/** The entry of a table at t. @throws HYFW_DIT_TIMESTEP outside 0 … 999 */
export function at(table: Float64Array, t: number): number {
  const value = table[t];
  if (value === undefined) throw timestepOutside(t, table.length);
  return value;
}

/** Evenly spread numbers with both ends, as numpy makes them. */
export function linspace(start: number, stop: number, count: number): Float64Array {
  const step = (stop - start) / (count - 1);
  return Float64Array.from({ length: count }, (_, i) => (i === count - 1 ? stop : start + i * step));
}

/** @throws HYFW_DIT_SOLVER_STEPS when a schedule cannot be cut into so many steps */
export function checkSolverSteps(steps: number): void {
  if (!Number.isInteger(steps) || steps < 1 || steps > TIMESTEPS) throw solverSteps(steps, TIMESTEPS);
}

function cumulate(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => {
    product *= 1 - beta;
    return product;
  });
}

function rebuildBetas(alphasCumprod: Float64Array): Float64Array {
  return alphasCumprod.map((bar, t) => 1 - bar / (t === 0 ? 1 : (alphasCumprod[t - 1] ?? 1)));
}
