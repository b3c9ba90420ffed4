import { type DeviceName, fromTypedArray, type Tensor } from "@hyfw/native";
import { at, type Schedule } from "./schedule.js";

/** What the network predicts. */
export type PredictType = "v_prediction" | "epsilon" | "sample";

/** A schedule and one timestep per sample, on the latents' device: gives table entries as [B, 1, 1, 1], float32. */
export class AtTimesteps {
  constructor(
    readonly schedule: Schedule,
    readonly timesteps: readonly number[],
    private readonly device: DeviceName,
  ) {}

  /** The table's entries at the timesteps; in float32 only now. */
  pick(table: Float64Array): Tensor {
    return this.of((t) => at(table, t));
  }
  /** Any number per sample, from its timestep. */
  of(formula: (t: number) => number): Tensor {
    const numbers = Float32Array.from(this.timesteps, formula);
    const made = fromTypedArray(numbers, [numbers.length, 1, 1, 1]);
    return this.device === "cpu" ? made : made.to({ device: this.device });
  }
}

/**
 * Noised latents at timestep t: √ᾱ·x₀ + √(1 − ᾱ)·ε (Ho et al. 2020, eq. 4).
 * @param latents x₀ and @param noise ε, both [B, C, H, W]
 */
export function addNoise(latents: Tensor, noise: Tensor, when: AtTimesteps): Tensor {
  const { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod } = when.schedule;
  return latents.mul(when.pick(sqrtAlphasCumprod)).add(noise.mul(when.pick(sqrtOneMinusAlphasCumprod)));
}

/** v = √ᾱ·ε − √(1 − ᾱ)·x₀ (Salimans & Ho 2022, appendix D). */
export function velocity(latents: Tensor, noise: Tensor, when: AtTimesteps): Tensor {
  const { sqrtAlphasCumprod, sqrtOneMinusAlphasCumprod } = when.schedule;
  return noise.mul(when.pick(sqrtAlphasCumprod)).sub(latents.mul(when.pick(sqrtOneMinusAlphasCumprod)));
}

/** What the network should give: ε, x₀ or v. */
export function target(type: PredictType, latents: Tensor, noise: Tensor, when: AtTimesteps): Tensor {
  if (type === "epsilon") return noise;
  if (type === "sample") return latents;
  return velocity(latents, noise, when);
}

/** x₀ from what the network gave, not clipped. */
export function predictLatents(type: PredictType, prediction: Tensor, xt: Tensor, when: AtTimesteps): Tensor {
  const { schedule } = when;
  if (type === "sample") return prediction;
  if (type === "epsilon")
    return xt
      .mul(when.pick(schedule.sqrtRecipAlphasCumprod))
      .sub(prediction.mul(when.pick(schedule.sqrtRecipm1AlphasCumprod)));
  return xt
    .mul(when.pick(schedule.sqrtAlphasCumprod))
    .sub(prediction.mul(when.pick(schedule.sqrtOneMinusAlphasCumprod)));
}

/** Mean of the posterior q(x_{t−1} | x_t, x₀) (Ho et al. 2020, eq. 7). */
export function posteriorMean(latents: Tensor, xt: Tensor, when: AtTimesteps): Tensor {
  const { posteriorMeanCoef1, posteriorMeanCoef2 } = when.schedule;
  return latents.mul(when.pick(posteriorMeanCoef1)).add(xt.mul(when.pick(posteriorMeanCoef2)));
}
