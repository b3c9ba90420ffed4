import type {
  Latents,
  Loss,
  Model,
  ModelFacts,
  ModelHook,
  ParameterSlot,
  Prepared,
  TextEncoder,
  TextEncoderHook,
  Values,
} from "@hyfw/core";
import type { Tensor } from "@hyfw/native";
import { describeSizeCondition, RopeCache } from "./conditions.js";
import { diffusersRecipe } from "./diffusers-recipe.js";
import { diffusionLoss } from "./diffusion/loss.js";
import { AtTimesteps } from "./diffusion/predict.js";
import { makeSchedule } from "./diffusion/schedule.js";
import { drawPictures } from "./draw.js";
import { adoptWeights } from "./layouts/adopt-weights.js";
import { Network } from "./network/network.js";
import { networkSegments, PREDICTION } from "./network/segments.js";
import { type NetworkShape, networkShape } from "./network/shape.js";
import type { HunyuanDitOptions } from "./options.js";
import { outlineBatch } from "./outline.js";
import { deviceOf, type Preparation, prepareBatch } from "./prepare.js";
import { TRAINING_PURPOSES } from "./purposes.js";

/** What the model takes from other hooks. */
export interface ModelNeeds {
  readonly latents: Latents;
  readonly textEncoders: TextEncoderHook;
}

/** HunyuanDiT as the model of a run. @param options checked. */
export function hunyuanDit(options: HunyuanDitOptions, needs: ModelNeeds): ModelHook {
  return {
    name: "hunyuan-dit",
    purposes: TRAINING_PURPOSES,
    describeSample: (sample) => [["size condition", describeSizeCondition(sample, options)]],
    build: (facts) => build(options, needs, facts),
  };
}

function build(options: HunyuanDitOptions, { latents, textEncoders }: ModelNeeds, facts: ModelFacts): Model {
  const { textStatesDim, textStatesDimT5, textLen, textLenT5 } = textEncoders;
  const inputs = { inChannels: latents.channels, textStatesDim, textStatesDimT5, textLen, textLenT5 };
  const shape = networkShape(options, inputs);
  const born = facts.withoutWeights === true ? "meta" : facts.device;
  const network = new Network({ path: "", seed: facts.seed, device: born }, shape);
  const textEncoder = textEncoders.build(facts);
  const own = network.parameters();
  const preparation: Preparation = {
    options,
    schedule: makeSchedule(options),
    latents,
    textEncoder,
    rope: new RopeCache(options.ropeImg, shape.hiddenSize / shape.numHeads),
  };
  const device = facts.device === "meta" ? "cpu" : facts.device;
  return {
    timestepCount: preparation.schedule.length,
    segments: [...(textEncoder.trained ? [textEncoder.segment] : []), ...networkSegments(network)],
    parameters: [...own, ...(textEncoder.trained ? textEncoder.parameters : [])],
    adoptWeights: (file) => adoptWeights(file, options, shape),
    describe: () => describe(options, shape, own, textEncoder, latents),
    prepare: (batch) => prepareBatch(batch, preparation),
    frozen: () => [
      { name: "text encoders", bytes: textEncoder.trained ? 0 : (textEncoder.heldBytes ?? 0) },
      { name: "latents", bytes: latents.heldBytes ?? 0 },
    ],
    caches: () =>
      [latents.cache, textEncoder.trained ? undefined : textEncoder.cache].filter((one) => one !== undefined),
    outline: (samples, resolution) => outlineBatch(samples, resolution, preparation, shape),
    loss: (prepared, output) => lossOf(prepared, output, preparation),
    recipes: (request) => [diffusersRecipe(request, options)],
    draw: (request, infer) => drawPictures(request, infer, preparation, device),
    fileFacts: () => ({
      model: options.model,
      version: shape.useStyleCond ? "1.1" : "1.2",
      predictType: options.predictType,
      learnSigma: String(options.learnSigma),
      noiseSchedule: options.noiseSchedule,
      betaStart: String(options.betaStart),
      betaEnd: String(options.betaEnd),
      ropeImg: options.ropeImg,
      norm: options.norm,
      numHeads: String(shape.numHeads),
    }),
  };
}

function lossOf({ timesteps, forLoss }: Prepared, output: Values, { options, schedule }: Preparation): Loss {
  const { latents, noise, xt } = forLoss;
  const prediction = output[PREDICTION];
  if (latents === undefined || noise === undefined || xt === undefined || prediction === undefined)
    throw new RangeError("loss() takes what prepare() gave and what the last segment wrote");
  const when = new AtTimesteps(schedule, timesteps, deviceOf(prediction));
  const { loss, mse, vb } = diffusionLoss(prediction, { latents, noise, xt }, when, options);
  const parts: Record<string, Tensor> = { mse: mse.detach().mean() };
  if (vb !== undefined) parts.vb = vb.detach().mean();
  return { mean: loss.mean(), perSample: loss.detach(), parts };
}

function describe(
  options: HunyuanDitOptions,
  shape: NetworkShape,
  own: readonly ParameterSlot[],
  textEncoder: TextEncoder,
  latents: Latents,
): [string, string][] {
  const { hiddenSize, depth, numHeads, norm, learnSigma, useStyleCond, sizeCond } = shape;
  const { predictType, noiseSchedule, betaStart, betaEnd } = options;
  const betas = noiseSchedule === "squaredcos_cap_v2" ? "" : `, betas ${betaStart} to ${betaEnd}`;
  const conditions = [...(sizeCond ? ["size"] : []), ...(useStyleCond ? ["style"] : [])];
  return [
    [
      "model",
      `HunyuanDiT ${options.model}: width ${hiddenSize}, ${depth} blocks, ${numHeads} heads, ${norm} norm`,
    ],
    [
      "parameters",
      `${count(own)}, of text encoders ${count(textEncoder.parameters)}${
        textEncoder.trained ? ", trained along" : ", frozen"
      }`,
    ],
    ...(textEncoder.describe?.() ?? []).map(([label, fact]): [string, string] => [label, fact]),
    ["latents", latents.describe()],
    ["diffusion", `${predictType}, ${noiseSchedule}${betas}${learnSigma ? ", learned variance" : ""}`],
    ["conditions", `text${conditions.map((one) => `, ${one}`).join("")}`],
    ["positions", options.ropeImg],
  ];
}

function count(slots: readonly ParameterSlot[]): string {
  const total = slots.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  return total.toLocaleString("en-US");
}
