import type { Tensor } from "@hyfw/native";
import type { PredictType } from "./predict.js";

/** One step of a solver. */
export interface SolverStep {
  /** Place in `timesteps`, from 0. */
  readonly index: number;
  /** The network's prediction after guidance, without variance channels. */
  readonly prediction: Tensor;
  readonly xt: Tensor;
  /** A fresh normal draw shaped as `xt`; asked for at most once a step. */
  readonly noise: () => Tensor;
}

/** Goes from noise to latents, one network call a step. One object serves one drawing. */
export interface Solver {
  /** What the network is asked at, falling. */
  readonly timesteps: readonly number[];
  /** The next x_t. The result and what the solver remembers belong to the scope of the call and to `dispose`. */
  step(step: SolverStep): Tensor;
  /** Frees what is remembered between steps. */
  dispose(): void;
}

/** x₀ and ε that a prediction stands for, from ᾱ at its timestep. */
export function latentsAndNoise(
  type: PredictType,
  prediction: Tensor,
  xt: Tensor,
  alphaBar: number,
): { readonly latents: Tensor; readonly noise: Tensor } {
  const a = Math.sqrt(alphaBar);
  const b = Math.sqrt(1 - alphaBar);
  if (type === "epsilon") return { latents: xt.sub(prediction.mul(b)).mul(1 / a), noise: prediction };
  if (type === "sample") return { latents: prediction, noise: xt.sub(prediction.mul(a)).mul(1 / b) };
  return {
    latents: xt.mul(a).sub(prediction.mul(b)),
    noise: prediction.mul(a).add(xt.mul(b)),
  };
}

/** Timesteps with leading spacing and offset 1: 901, 801, … 1 for 10 steps of 1000. */
export function leadingTimesteps(steps: number, length: number): number[] {
  const stride = Math.floor(length / steps);
  return Array.from({ length: steps }, (_, i) => Math.min((steps - 1 - i) * stride + 1, length - 1));
}
