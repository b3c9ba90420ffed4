/** How training draws timesteps. */
export interface TimestepOptions {
  readonly timestepSampling: "uniform" | "logit_normal";
  readonly timestepMean: number;
  readonly timestepStd: number;
  readonly timestepRange: readonly [number, number];
  readonly timestepWeights: readonly number[];
}

/**
 * The chance of each timestep: even, or that of sigmoid(mean + std·n) with a normal n falling into it (Esser et al.
 * 2024, section 3.1); 0 outside of the range; times the weight of the even band that it lies in.
 */
export function timestepChances(length: number, options: TimestepOptions): Float64Array {
  const { timestepSampling, timestepMean, timestepStd, timestepRange, timestepWeights } = options;
  const [first, last] = timestepRange;
  const below = (share: number): number =>
    timestepSampling === "uniform"
      ? share
      : normalBelow((Math.log(share / (1 - share)) - timestepMean) / timestepStd);
  const chances = Float64Array.from({ length }, (_, t) => {
    if (t < first || t > last) return 0;
    const band = Math.floor((t * timestepWeights.length) / length);
    return (below((t + 1) / length) - below(t / length)) * (timestepWeights[band] ?? 1);
  });
  const all = chances.reduce((sum, one) => sum + one, 0);
  return chances.map((one) => one / all);
}

/** Draws timesteps: `draw(u)` for u in [0, 1) gives the timestep whose share of all chances u falls into. */
export function timestepDraw(chances: Float64Array): (u: number) => number {
  let sum = 0;
  const upTo = chances.map((one) => {
    sum += one;
    return sum;
  });
  const highest = chances.findLastIndex((one) => one > 0);
  return (u) => {
    let low = 0;
    let high = highest;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 1) > u) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Whether every timestep is as likely as any other. */
export function isEven(length: number, options: TimestepOptions): boolean {
  const { timestepSampling, timestepRange, timestepWeights } = options;
  const [first, last] = timestepRange;
  const sameWeights = timestepWeights.every((weight) => weight === timestepWeights[0]);
  return timestepSampling === "uniform" && first === 0 && last === length - 1 && sameWeights;
}

/** The chance that a normal number is below x (Abramowitz and Stegun 1964, 26.2.17; off by 7.5e-8 at most). */
function normalBelow(x: number): number {
  if (x === Number.NEGATIVE_INFINITY) return 0;
  if (x === Number.POSITIVE_INFINITY) return 1;
  const k = 1 / (1 + 0.2316419 * Math.abs(x));
  const series =
    k * (0.31938153 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return x >= 0 ? 1 - tail : tail;
}
