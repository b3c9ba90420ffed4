import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, load, maxDifference, type Outcome, same, Worst } from "@hyfw/core/golden";
import { cat, type MappedSafetensors, noGrad, type Tensor, tidy } from "@hyfw/native";
import { guide } from "../diffusion/guidance.js";
import type { Solver } from "../diffusion/solver.js";
import { ddimSolver } from "../diffusion/solver-ddim.js";
import { ddpmSolver } from "../diffusion/solver-ddpm.js";
import { dpmSolver } from "../diffusion/solver-dpm.js";
import { tensorsOf } from "./reference-network.js";
import { referenceSchedule } from "./schedule-cases.js";

const SolverFile = z.object({
  cases: z.array(
    z.object({
      key: z.string(),
      sampler: z.enum(["ddpm", "ddim", "dpmms"]),
      steps: z.number(),
      guidance_scale: z.number(),
      guidance_rescale: z.number(),
      eta: z.number().default(0),
      timesteps: z.array(z.number()),
      config_resolved: z.object({
        beta_start: z.number(),
        beta_end: z.number(),
        beta_schedule: z.enum(["scaled_linear", "linear", "squaredcos_cap_v2"]),
        prediction_type: z.enum(["v_prediction", "epsilon", "sample"]),
      }),
    }),
  ),
});
type SolverCase = z.output<typeof SolverFile>["cases"][number];

const NAME = "sampler_toy";
const LIMIT = 5e-5;

/** The solvers with guidance around a written-down toy model, step by step. */
export function* solverCases(folder: string): Generator<GoldenCase> {
  const facts = load(folder, `${NAME}.json`, SolverFile);
  if (facts === undefined) return;
  const file = tensorsOf(folder, NAME);
  for (const one of facts.cases)
    yield check(`${NAME}/${one.key}`, () => tidy(() => noGrad(() => solve(one, file))));
}

function solve(one: SolverCase, file: MappedSafetensors): Outcome {
  const solver = makeSolver(one);
  same("timesteps", solver.timesteps, one.timesteps);
  const worst = new Worst("guided prediction and latents of every step", LIMIT);
  const draws = file.get("step_noise");
  let drawn = 0;
  let xt = file.get("initial_noise");
  for (const [index, t] of solver.timesteps.entries()) {
    const prediction = guide(toyModel(xt, t), one.guidance_scale, one.guidance_rescale);
    const noise = (): Tensor => draws.select(0, drawn++);
    xt = solver.step({ index, prediction, xt, noise });
    const stored = (what: string): Tensor => file.get(`${one.key}.${what}`).select(0, index);
    worst.add(`guided prediction at step ${index}`, maxDifference(prediction, stored("guided_prediction")));
    worst.add(`latents after step ${index}`, maxDifference(xt, stored("latents")));
  }
  solver.dispose();
  return worst.outcome();
}

function makeSolver({ sampler, steps, eta, config_resolved: config }: SolverCase): Solver {
  const { prediction_type: predictType, beta_schedule: noise_schedule, ...betas } = config;
  const schedule = referenceSchedule({ noise_schedule, ...betas });
  if (sampler === "ddpm") return ddpmSolver(schedule, steps, { predictType });
  if (sampler === "ddim") return ddimSolver(schedule, steps, { predictType }, eta);
  return dpmSolver(schedule, steps, { predictType });
}

/** v = 0.6·tanh(x)·(1 − t/1000) + 0.3·x·t/1000 + 0.25·c·sin(2x + 1) − 0.1·c, for c = 0 and then for c = 1. */
function toyModel(x: Tensor, t: number): Tensor {
  const u = x
    .tanh()
    .mul(0.6 * (1 - t / 1000))
    .add(x.mul((0.3 * t) / 1000));
  const c = u.add(x.mul(2).add(1).sin().mul(0.25)).add(-0.1);
  return cat([u, c], 0);
}
