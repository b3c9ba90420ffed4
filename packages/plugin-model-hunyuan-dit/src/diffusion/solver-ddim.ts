import { at, checkSolverSteps, type Schedule } from "./schedule.js";
import { latentsAndNoise, leadingTimesteps, type Reading, type Solver } from "./solver.js";

/**
 * DDIM (Song et al. 2021, eq. 12) with ᾱ = 1 after the last step. @param eta 0 draws nothing, 1 adds as much noise as
 * DDPM
 */
export function ddimSolver(schedule: Schedule, steps: number, reading: Reading, eta = 0): Solver {
  checkSolverSteps(steps);
  const timesteps = leadingTimesteps(steps, schedule.length);
  const stride = Math.floor(schedule.length / steps);
  return {
    timesteps,
    step: ({ index, prediction, xt, noise: draw }) => {
      const t = timesteps[index] ?? -1;
      const bar = at(schedule.alphasCumprod, t);
      const before = t - stride >= 0 ? at(schedule.alphasCumprod, t - stride) : 1;
      const { latents, noise } = latentsAndNoise(reading, prediction, xt, bar);
      const deviation = eta * Math.sqrt(((1 - before) / (1 - bar)) * (1 - bar / before));
      const next = latents
        .mul(Math.sqrt(before))
        .add(noise.mul(Math.sqrt(Math.max(0, 1 - before - deviation ** 2))));
      return eta === 0 ? next : next.add(draw().mul(deviation));
    },
    dispose: () => undefined,
  };
}
