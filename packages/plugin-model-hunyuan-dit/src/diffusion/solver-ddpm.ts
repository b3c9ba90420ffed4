import { at, checkSolverSteps, type Schedule } from "./schedule.js";
import { latentsAndNoise, leadingTimesteps, type Reading, type Solver } from "./solver.js";

/**
 * Ancestral sampling (Ho et al. 2020, eq. 7) over a part of the timesteps, with the small fixed variance β̃, at least
 * 1e-20. It draws noise at every step, also at the last one (t = 1), where the amount is tiny.
 */
export function ddpmSolver(schedule: Schedule, steps: number, reading: Reading): Solver {
  checkSolverSteps(steps);
  const timesteps = leadingTimesteps(steps, schedule.length);
  const stride = Math.floor(schedule.length / steps);
  return {
    timesteps,
    step: ({ index, prediction, xt, noise }) => {
      const t = timesteps[index] ?? -1;
      const bar = at(schedule.alphasCumprod, t);
      const before = t - stride >= 0 ? at(schedule.alphasCumprod, t - stride) : 1;
      const alpha = bar / before;
      const { latents } = latentsAndNoise(reading, prediction, xt, bar);
      const mean = latents
        .mul((Math.sqrt(before) * (1 - alpha)) / (1 - bar))
        .add(xt.mul((Math.sqrt(alpha) * (1 - before)) / (1 - bar)));
      if (t === 0) return mean;
      const variance = Math.max(((1 - before) / (1 - bar)) * (1 - alpha), 1e-20);
      return mean.add(noise().mul(Math.sqrt(variance)));
    },
    dispose: () => undefined,
  };
}
