import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import {
  check,
  differenceOfLargest,
  load,
  maxOf,
  numbers,
  type Outcome,
  relative,
  Worst,
} from "@hyfw/core/golden";
import { backwardSync, type MappedSafetensors, type Tensor, tidy } from "@hyfw/native";
import { diffusionLoss } from "../diffusion/loss.js";
import { AtTimesteps, addNoise, posteriorMean, predictLatents, velocity } from "../diffusion/predict.js";
import { learnedLogVariance } from "../diffusion/variational-bound.js";
import { tensorsOf } from "./reference-network.js";
import { ReferenceSchedule, referenceSchedule } from "./schedule-cases.js";

const PredictTypes = z.enum(["v_prediction", "epsilon", "sample"]);
const LossCase = ReferenceSchedule.extend({
  prefix: z.string(),
  predict_type: PredictTypes,
  learn_sigma: z.boolean(),
  mse_loss_weight_type: z.string(),
  noise_offset: z.number(),
  loss_mean: z.number(),
});
const LossFile = z.object({ cases: z.array(LossCase), t: z.array(z.number()) });

const NAME = "diffusion_losses";
const LIMIT = 2e-6;
const VB_LIMIT = 1e-6;

/** Losses, their gradients and the single formulas, for a given model output, t and noise. */
export function* lossCases(folder: string): Generator<GoldenCase> {
  const facts = load(folder, `${NAME}.json`, LossFile);
  if (facts === undefined) return;
  const file = tensorsOf(folder, NAME);
  for (const one of facts.cases) {
    const { prefix, predict_type, mse_loss_weight_type, schedule } = { schedule: one.noise_schedule, ...one };
    const label = `${NAME}/${prefix}${predict_type}.${mse_loss_weight_type}.${schedule}${one.learn_sigma ? ".sigma" : ""}`;
    yield* tidy(() => lossCase(label, one, facts.t, file));
  }
  const first = facts.cases[0];
  if (first !== undefined && file.names().some((name) => name.startsWith("blocks.")))
    yield check(`${NAME}/blocks`, () => tidy(() => formulas(first, facts.t, file)));
}

function lossCase(
  label: string,
  one: z.output<typeof LossCase>,
  t: readonly number[],
  file: MappedSafetensors,
): GoldenCase[] {
  const { prefix, predict_type: predictType, learn_sigma: learnSigma } = one;
  const when = new AtTimesteps(referenceSchedule(one), t, "cpu");
  const latents = file.get("x_start");
  let noise = file.get("noise");
  if (one.noise_offset > 0) noise = noise.add(file.get("offset_noise"), one.noise_offset);
  const xt = addNoise(latents, noise, when);
  const channels = latents.shape[1] ?? 0;
  const whole = file.get("model_output");
  const output = (learnSigma ? whole : whole.narrow(1, 0, channels)).clone().setRequiresGrad();
  const { loss, mse, vb } = diffusionLoss(output, { latents, noise, xt }, when, {
    predictType,
    learnSigma,
    mseLossWeightType: one.mse_loss_weight_type,
  });
  const mean = loss.mean();
  backwardSync([mean]);
  const stored = (name: string): Tensor => file.get(`${prefix}${name}`);
  const cases = [
    check(`${label}/loss`, () => {
      const worst = new Worst("x_t, mse, loss and gradient, relative", LIMIT);
      worst.add("x_t", differenceOfLargest(xt, stored("x_t")));
      worst.add("mse", maxOf(numbers(mse), numbers(stored("mse")), relative));
      worst.add("loss", maxOf(numbers(loss), numbers(stored("loss")), relative));
      worst.add("mean loss", relative(mean.item(), one.loss_mean));
      worst.add("gradient", gradientError(output.grad, stored("grad_model_output")));
      worst.add("t", maxOf([...t], numbers(stored("t_seen_by_model")), relative));
      return worst.outcome();
    }),
  ];
  if (vb !== undefined)
    cases.push(
      check(`${label}/vb`, () => {
        const worst = new Worst(`vb over 1 + |vb|`, VB_LIMIT);
        const error = (a: number, b: number): number => Math.abs(a - b) / (1 + Math.abs(b));
        worst.add("vb", maxOf(numbers(vb), numbers(stored("vb")), error));
        return worst.outcome();
      }),
    );
  return cases;
}

/** Largest difference over the sample's largest element, sample by sample, prediction and variance apart. */
function gradientError(found: Tensor | undefined, expected: Tensor): number {
  if (found === undefined) throw new Error("the output got no gradient");
  const [batch = 0] = expected.shape;
  let most = 0;
  for (let i = 0; i < batch; i++)
    most = Math.max(most, differenceOfLargest(found.select(0, i), expected.select(0, i)));
  return most;
}

/** The formulas one by one, with the first case's schedule and prediction type. */
function formulas(one: z.output<typeof LossCase>, t: readonly number[], file: MappedSafetensors): Outcome {
  const when = new AtTimesteps(referenceSchedule(one), t, "cpu");
  const { schedule } = when;
  const latents = file.get("x_start");
  const noise = file.get("noise");
  const xt = addNoise(latents, noise, when);
  const channels = latents.shape[1] ?? 0;
  const whole = file.get("model_output");
  const prediction = whole.narrow(1, 0, channels);
  const logVariance = learnedLogVariance(whole.narrow(1, channels, channels), when);
  const predicted = predictLatents(one.predict_type, prediction, xt, when);
  const found: Readonly<Record<string, Tensor>> = {
    q_sample: xt,
    velocity: velocity(latents, noise, when),
    xstart_from_eps: predictLatents("epsilon", prediction, xt, when),
    xstart_from_v: predictLatents("v_prediction", prediction, xt, when),
    posterior_mean: posteriorMean(latents, xt, when),
    posterior_variance: when.pick(schedule.posteriorVariance),
    posterior_log_variance_clipped: when.pick(schedule.posteriorLogVarianceClipped),
    p_pred_xstart: predicted,
    p_mean: posteriorMean(predicted, xt, when),
    p_log_variance: logVariance,
    p_variance: logVariance.exp(),
  };
  const worst = new Worst("formulas over each tensor's largest", LIMIT);
  for (const stored of file.names().filter((name) => name.startsWith("blocks."))) {
    const mine = found[stored.slice("blocks.".length)];
    if (mine === undefined) throw new Error(`there is no formula for ${stored}`);
    worst.add(stored, differenceOfLargest(mine, file.get(stored)));
  }
  return worst.outcome();
}
