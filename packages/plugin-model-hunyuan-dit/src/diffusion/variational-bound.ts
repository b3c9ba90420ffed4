import { callTensorOp, type Tensor, where } from "@hyfw/native";
import { type AtTimesteps, type PredictType, posteriorMean, predictLatents } from "./predict.js";

/** What the bound compares. */
export interface BoundInputs {
  readonly predictType: PredictType;
  /** x₀, [B, C, H, W] */
  readonly latents: Tensor;
  readonly xt: Tensor;
  /** What the network predicted; it gets no gradient from the bound. */
  readonly prediction: Tensor;
  /** The network's variance values, about −1 … 1. */
  readonly varianceValues: Tensor;
}

/**
 * Log variance between log β̃ and log β: f·log β + (1 − f)·log β̃ with f = (value + 1) / 2
 * (Nichol & Dhariwal 2021, eq. 15).
 */
export function learnedLogVariance(varianceValues: Tensor, when: AtTimesteps): Tensor {
  const { betas, posteriorLogVarianceClipped } = when.schedule;
  const low = when.pick(posteriorLogVarianceClipped);
  const high = when.pick(betas.map(Math.log));
  const fraction = varianceValues.add(1).mul(0.5);
  return fraction.mul(high).add(fraction.mul(-1).add(1).mul(low));
}

/**
 * Variational bound per sample in bits per dimension, [B] (Nichol & Dhariwal 2021, eq. 4–6): for t > 0 the KL
 * divergence between true and predicted posterior, at t = 0 the negative log-likelihood of x₀ under a Gaussian cut
 * into steps of 2/255. Only the variance values get gradients.
 */
export function variationalBound(inputs: BoundInputs, when: AtTimesteps): Tensor {
  const { predictType, latents, xt, varianceValues } = inputs;
  const logVariance = learnedLogVariance(varianceValues, when);
  const predicted = predictLatents(predictType, inputs.prediction.detach(), xt, when);
  const mean = posteriorMean(predicted, xt, when);
  const kl = gaussianKl(
    {
      mean: posteriorMean(latents, xt, when),
      logVariance: when.pick(when.schedule.posteriorLogVarianceClipped),
    },
    { mean, logVariance },
  );
  const perSample = kl.mean([1, 2, 3]).mul(1 / Math.LN2);
  if (!when.timesteps.includes(0)) return perSample;
  const likelihood = discretizedLogLikelihood(latents, mean, logVariance.mul(0.5))
    .mean([1, 2, 3])
    .mul(-1 / Math.LN2);
  return where(
    when
      .of((t) => (t === 0 ? 1 : 0))
      .eq(1)
      .reshape([-1]),
    likelihood,
    perSample,
  );
}

interface Gaussian {
  readonly mean: Tensor;
  readonly logVariance: Tensor;
}

/** KL divergence of two Gaussians, element by element, in nats. */
function gaussianKl(a: Gaussian, b: Gaussian): Tensor {
  const ratio = a.logVariance.sub(b.logVariance);
  const distance = a.mean.sub(b.mean).square().mul(b.logVariance.neg().exp());
  return ratio.exp().add(distance).sub(ratio).add(-1).mul(0.5);
}

/** Log-likelihood of pictures in [−1, 1] with 256 levels under a Gaussian, element by element, in nats. */
function discretizedLogLikelihood(x: Tensor, mean: Tensor, logScale: Tensor): Tensor {
  const centred = x.sub(mean);
  const inverse = logScale.neg().exp();
  const upper = normalCdf(centred.add(1 / 255).mul(inverse));
  const lower = normalCdf(centred.add(-1 / 255).mul(inverse));
  const logUpper = upper.clamp(1e-12, undefined).log();
  const logRest = lower.neg().add(1).clamp(1e-12, undefined).log();
  const logBetween = upper.sub(lower).clamp(1e-12, undefined).log();
  return where(
    callTensorOp("aten::lt.Scalar", x, -0.999),
    logUpper,
    where(callTensorOp("aten::gt.Scalar", x, 0.999), logRest, logBetween),
  );
}

/** The normal distribution function in its tanh form: (1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2. */
function normalCdf(x: Tensor): Tensor {
  const inner = x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return inner.tanh().add(1).mul(0.5);
}
