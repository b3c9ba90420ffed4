import { fromTypedArray, type Tensor, tidy } from "@hyfw/native";
import t from "tap";
import { diffusionLoss } from "./loss.js";
import { AtTimesteps, addNoise, type PredictType, target, velocity } from "./predict.js";
import { makeSchedule, type Schedule } from "./schedule.js";
import { latentsAndNoise } from "./solver.js";
import { ddimSolver } from "./solver-ddim.js";
import { ddpmSolver } from "./solver-ddpm.js";
import { dpmSolver } from "./solver-dpm.js";

const TYPES: readonly PredictType[] = ["v_prediction", "epsilon", "sample"];
const SHAPE = [2, 3, 4, 4];
const schedule: Schedule = makeSchedule({
  noiseSchedule: "scaled_linear",
  betaStart: 0.00085,
  betaEnd: 0.018,
});

/** Numbers that look random and are the same each time. */
function wave(seed: number, size = 1): Tensor {
  const numbers = Float32Array.from({ length: 96 }, (_, i) => size * Math.sin(seed * 12.9898 + i * 78.233));
  return fromTypedArray(numbers, SHAPE);
}

const largest = (tensor: Tensor): number =>
  Math.max(...Array.from(tensor.toTypedArray() as Float32Array, Math.abs));

t.test("a prediction of any type stands for the x₀ and ε that it was made of", async (t) => {
  for (const predictType of TYPES)
    tidy(() => {
      const [latents, noise] = [wave(1, 0.8), wave(2)];
      const when = new AtTimesteps(schedule, [300, 300], "cpu");
      const xt = addNoise(latents, noise, when);
      const prediction = target(predictType, latents, noise, when);
      const bar = schedule.alphasCumprod[300] ?? 0;
      const got = latentsAndNoise({ predictType }, prediction, xt, bar);
      t.ok(largest(got.latents.sub(latents)) < 2e-6, predictType);
      t.ok(largest(got.noise.sub(noise)) < 2e-6, predictType);
      const wide = latentsAndNoise({ predictType, range: [-0.9, 0.9] }, prediction, xt, bar);
      t.ok(
        largest(wide.latents.sub(latents)) < 2e-6,
        `${predictType}: a range that holds all changes nothing`,
      );
      t.ok(largest(wide.noise.sub(noise)) < 2e-6, predictType);
      const kept = latentsAndNoise({ predictType, range: [-0.25, 0.5] }, prediction, xt, bar);
      const values = Array.from(kept.latents.toTypedArray() as Float32Array);
      t.same([Math.min(...values), Math.max(...values)], [-0.25, 0.5], `${predictType}: kept inside`);
      const again = addNoise(kept.latents, kept.noise, when);
      t.ok(largest(again.sub(xt)) < 2e-6, `${predictType}: kept x₀ and its ε still make x_t`);
    });
});

t.test("solvers end inside the range however wild the predictions are", async (t) => {
  for (const predictType of TYPES)
    for (const make of [ddimSolver, ddpmSolver, dpmSolver])
      tidy(() => {
        const solver = make(schedule, 10, { predictType, range: [-1, 1] });
        let xt = wave(3);
        for (const index of solver.timesteps.keys())
          xt = solver.step({ index, prediction: wave(index, 5), xt, noise: () => wave(index + 20) });
        // DPM++ ends at the schedule's smallest noise, the others at none.
        t.ok(largest(xt) < 1.1, `${make.name}, ${predictType}: ${largest(xt)}`);
        solver.dispose();
      });
});

t.test("the velocity weight gives every prediction type the loss of the v that it stands for", async (t) => {
  const timesteps = [120, 700];
  const lossOf = (predictType: PredictType, mseLossWeightType: string): number[] =>
    tidy(() => {
      const [latents, noise] = [wave(4, 0.8), wave(5)];
      const when = new AtTimesteps(schedule, timesteps, "cpu");
      const xt = addNoise(latents, noise, when);
      const guess = wave(6, 0.8); // a wrong x₀; what the other types would have said to mean the same
      const alpha = when.pick(schedule.sqrtAlphasCumprod);
      const sigma = when.pick(schedule.sqrtOneMinusAlphasCumprod);
      const epsilon = xt.sub(guess.mul(alpha)).div(sigma);
      const outputs = { sample: guess, epsilon, v_prediction: velocity(guess, epsilon, when) };
      const { loss } = diffusionLoss(outputs[predictType], { latents, noise, xt }, when, {
        predictType,
        learnSigma: false,
        mseLossWeightType,
      });
      return Array.from(loss.toTypedArray() as Float32Array);
    });
  const close = (got: readonly number[], wanted: readonly number[], what: string): void => {
    for (const [i, value] of got.entries())
      t.ok(Math.abs(value / (wanted[i] ?? Number.NaN) - 1) < 1e-4, `${what}: ${value} and ${wanted[i]}`);
  };
  const wanted = lossOf("v_prediction", "constant");
  for (const predictType of TYPES) close(lossOf(predictType, "velocity"), wanted, predictType);
  close(lossOf("v_prediction", "velocity_5"), wanted, "v needs no weight, so it has no bound");

  const ratio = (step: number): number => {
    const bar = schedule.alphasCumprod[step] ?? 0;
    return bar / (1 - bar);
  };
  const plain = lossOf("sample", "constant");
  t.ok(1 + ratio(120) > 5 && 1 + ratio(700) < 5, "one timestep on either side of the bound");
  const bounded = plain.map((loss, i) => loss * Math.min(1 + ratio(timesteps[i] ?? 0), 5));
  close(lossOf("sample", "velocity_5"), bounded, "sample, at most 5");
});
