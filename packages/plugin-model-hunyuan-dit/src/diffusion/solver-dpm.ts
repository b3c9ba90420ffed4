import type { Tensor } from "@hyfw/native";
import { roundHalfEven } from "../network/rope.js";
import { at, checkSolverSteps, linspace, type Schedule } from "./schedule.js";
import { latentsAndNoise, type Reading, type Solver } from "./solver.js";

/**
 * DPM-Solver++ 2M (Lu et al. 2022, algorithm 2, midpoint form): timesteps spread evenly from the last to 0 and rounded,
 * the first step of first order, and the last one too when there are fewer than 15. It ends at t = 0, the schedule's
 * smallest noise, not at noise 0.
 */
export function dpmSolver(schedule: Schedule, steps: number, reading: Reading): Solver {
  checkSolverSteps(steps);
  const places = linspace(0, schedule.length - 1, steps + 1);
  const timesteps = Array.from({ length: steps }, (_, i) => roundHalfEven(places[steps - i] ?? 0));
  const alpha = (t: number): number => at(schedule.sqrtAlphasCumprod, t);
  const sigma = (t: number): number => at(schedule.sqrtOneMinusAlphasCumprod, t);
  const lambda = (t: number): number => Math.log(alpha(t)) - Math.log(sigma(t));
  let former: Tensor | undefined;

  return {
    timesteps,
    step: ({ index, prediction, xt }) => {
      const s = timesteps[index] ?? -1;
      const t = timesteps[index + 1] ?? 0;
      const h = lambda(t) - lambda(s);
      const bar = at(schedule.alphasCumprod, s);
      const { latents } = latentsAndNoise(reading, prediction, xt, bar);
      const factor = alpha(t) * Math.expm1(-h);
      let next = xt.mul(sigma(t) / sigma(s)).sub(latents.mul(factor));
      const isLastAlone = index === steps - 1 && steps < 15;
      if (former !== undefined && !isLastAlone) {
        const r = (lambda(s) - lambda(timesteps[index - 1] ?? -1)) / h;
        next = next.sub(latents.sub(former).mul((0.5 * factor) / r));
      }
      former?.dispose();
      former = latents.alias().keep();
      return next;
    },
    dispose: () => former?.dispose(),
  };
}
