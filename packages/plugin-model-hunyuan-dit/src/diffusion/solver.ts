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

/** What a solver takes a prediction for. */
export interface Reading {
  readonly predictType: PredictType;
  /** What x₀ is kept between, as for pixels; absent for latents without bounds. */
  readonly range?: readonly [lowest: number, highest: number] | undefined;
}

/**
 * x₀ and ε that a prediction stands for, from ᾱ at its timestep. Where x₀ is kept inside a range, ε is what then
 * remains of x_t, so that both still make x_t.
 */
export function latentsAndNoise(
  { predictType, range }: Reading,
  prediction: Tensor,
  xt: Tensor,
  alphaBar: number,
): { readonly latents: Tensor; readonly noise: Tensor } {
  const a = Math.sqrt(alphaBar);
  const b = Math.sqrt(1 - alphaBar);
  const latents = latentsOf(predictType, prediction, xt, a, b);
  if (range !== undefined) {
    const kept = latents.clamp(...range);
    return { latents: kept, noise: noiseBeside(kept, xt, a, b) };
  }
  if (predictType === "epsilon") return { latents, noise: prediction };
  if (predictType === "sample") return { latents, noise: noiseBeside(latents, xt, a, b) };
  return { latents, noise: prediction.mul(a).add(xt.mul(b)) };
}

function latentsOf(type: PredictType, prediction: Tensor, xt: Tensor, a: number, b: number): Tensor {
  if (type === "sample") return prediction;
  if (type === "epsilon") return xt.sub(prediction.mul(b)).mul(1 / a);
  return xt.mul(a).sub(prediction.mul(b));
}

function noiseBeside(latents: Tensor, xt: Tensor, a: number, b: number): Tensor {
  return xt.sub(latents.mul(a)).mul(1 / b);
}

/** Timesteps with leading spacing and offset 1: 901, 801, … 1 for 10 steps of 1000. */
export function leadingTimesteps(steps: number, length: number): number[] {
  const stride = Math.floor(length / steps);
  return Array.from({ length: steps }, (_, i) => Math.min((steps - 1 - i) * stride + 1, length - 1));
}
