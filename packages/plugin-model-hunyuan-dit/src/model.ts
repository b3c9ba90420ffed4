import type {
  Latents,
  Loss,
  Model,
  ModelFacts,
  ModelHook,
  ParameterSlot,
  Prepared,
  Rng,
  TextEncoder,
  TextEncoderHook,
  Values,
} from "@hyfw/core";
import type { Tensor } from "@hyfw/native";
import { comfyuiRecipe } from "./comfyui-recipe.js";
import { describeSizeCondition, RopeCache } from "./conditions.js";
import { diffusersRecipe } from "./diffusers-recipe.js";
import { diffusionLoss } from "./diffusion/loss.js";
import { AtTimesteps } from "./diffusion/predict.js";
import { makeSchedule, TIMESTEPS } from "./diffusion/schedule.js";
import { isEven, timestepChances, timestepDraw } from "./diffusion/timestep-draw.js";
import { drawPictures } from "./draw.js";
import { adoptWeights } from "./layouts/adopt-weights.js";
import { withLora } from "./layouts/with-lora.js";
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
  const { seed, isBlank = false } = facts;
  const network = new Network({ path: "", seed, device: born, isBlank }, shape);
  const textEncoder = textEncoders.build(facts);
  const own = network.parameters();
  const schedule = makeSchedule(options);
  const preparation: Preparation = {
    options,
    schedule,
    drawTimestep: drawFor(schedule.length, options),
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
    addAdapter: (file, adapter, strength) => withLora(file, adapter, strength),
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
    recipes: (request) => [diffusersRecipe(request, options), comfyuiRecipe(request)],
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

/** All alike is one whole number, as it ever was; else a share of all chances. */
function drawFor(length: number, options: HunyuanDitOptions): (rng: Rng) => number {
  if (isEven(length, options)) return (rng) => rng.int(length);
  const draw = timestepDraw(timestepChances(length, options));
  return (rng) => draw(rng.uniform());
}

function lossOf(
  { timesteps, forLoss, isValidation }: Prepared,
  output: Values,
  { options, schedule }: Preparation,
): Loss {
  const { latents, noise, xt } = forLoss;
  const prediction = output[PREDICTION];
  if (latents === undefined || noise === undefined || xt === undefined || prediction === undefined)
    throw new RangeError("loss() takes what prepare() gave and what the last segment wrote");
  const when = new AtTimesteps(schedule, timesteps, deviceOf(prediction));
  // Validation compares runs that weigh errors otherwise, so it does not weigh them.
  const weighing = isValidation ? { ...options, mseLossWeightType: "constant" } : options;
  const { loss, mse, vb } = diffusionLoss(prediction, { latents, noise, xt }, when, weighing);
  const parts: Record<string, Tensor> = { mse: mse.detach().mean() };
  if (vb !== undefined) parts.vb = vb.detach().mean();
  return { mean: loss.mean(), each: loss, perSample: loss.detach(), parts };
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
    ["training", describeLoss(options)],
    ["conditions", `text${conditions.map((one) => `, ${one}`).join("")}`],
    ["positions", options.ropeImg],
  ];
}

function describeLoss(options: HunyuanDitOptions): string {
  const { mseLossWeightType, noiseOffset, pyramidNoise, timestepSampling, timestepMean, timestepStd } =
    options;
  const { timestepRange, timestepWeights } = options;
  return [
    `squared error weighs ${mseLossWeightType}`,
    timestepSampling === "uniform"
      ? "timesteps uniform"
      : `timesteps logit-normal around ${timestepMean}, spread ${timestepStd}`,
    ...(isEven(TIMESTEPS, { ...options, timestepSampling: "uniform" })
      ? []
      : [`from ${timestepRange.join(" to ")}, bands ${timestepWeights.join(" : ")}`]),
    ...(noiseOffset > 0 ? [`noise offset ${noiseOffset}`] : []),
    ...(pyramidNoise > 0 ? [`pyramid noise ${pyramidNoise}`] : []),
  ].join(", ");
}

function count(slots: readonly ParameterSlot[]): string {
  const total = slots.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  return total.toLocaleString("en-US");
}
