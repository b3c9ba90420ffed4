import {
  type Batch,
  type DiceKey,
  givenText,
  type Latents,
  type Prepared,
  type Rng,
  rngFromKey,
  type TextEncoder,
  type Values,
} from "@hyfw/core";
import { cat, type DeviceName, keyedNormal, noGrad, type Tensor } from "@hyfw/native";
import { sinusoid } from "@hyfw/nn";
import { onDevice, type RopeCache, sizeNumbers, tokenGrid } from "./conditions.js";
import { AtTimesteps, addNoise } from "./diffusion/predict.js";
import { pyramidNoise } from "./diffusion/pyramid-noise.js";
import type { Schedule } from "./diffusion/schedule.js";
import { statesShape } from "./errors.js";
import type { HunyuanDitOptions } from "./options.js";
import { PURPOSES } from "./purposes.js";

/** What preparing needs beside the batch. */
export interface Preparation {
  readonly options: HunyuanDitOptions;
  readonly schedule: Schedule;
  readonly latents: Latents;
  readonly textEncoder: TextEncoder;
  readonly rope: RopeCache;
  /** Draws a timestep for training, by the options. */
  readonly drawTimestep: (rng: Rng) => number;
}

/**
 * From a batch to what segments read: captions as augmenters left them to tokens or text states, latents, t, noise, x_t,
 * rotary tables and sinusoids. Every draw is keyed by the sample, so its place in the batch does not matter. No grad.
 */
export function prepareBatch(batch: Batch, preparation: Preparation): Prepared {
  return noGrad(() => {
    const { options, schedule, latents: codec, rope, drawTimestep } = preparation;
    const device = deviceOf(batch.images);
    const grid = tokenGrid(batch.resolution, codec.cellSize);
    const keys = (purpose: string) => batch.samples.map((_, i) => batch.key(i, purpose));
    const timesteps =
      batch.quantiles?.map((share) => Math.floor(share * schedule.length)) ??
      keys(PURPOSES.timestep).map((key) => drawTimestep(rngFromKey(key)));
    const latents = codec.encode(batch.images, keys(PURPOSES.latents));
    const [, channels = 0, height = 0, width = 0] = latents.shape;
    const plain = keyedNormal(keys(PURPOSES.noise), [channels, height, width], { device });
    const noise = batch.quantiles === undefined ? shapedNoise(plain, keys, options, device) : plain;
    const xt = addNoise(latents, noise, new AtTimesteps(schedule, timesteps, device));
    const sizes = batch.samples.map((sample) => sizeNumbers(sample, options));
    return {
      values: {
        xt,
        tSinusoid: sinusoid(
          timesteps.map((t) => [t]),
          { device },
        ),
        ...(options.sizeCond !== null && { sizeSinusoid: sinusoid(sizes, { device }) }),
        ...rope.get(grid, device),
        ...textValues(givenCaptions(batch), true, preparation.textEncoder, device),
      },
      timesteps,
      ...(batch.quantiles !== undefined && { isValidation: true }),
      forLoss: { latents, noise, xt },
    };
  });
}

/** Noise with what the options add to it. */
function shapedNoise(
  noise: Tensor,
  keys: (purpose: string) => DiceKey[],
  { noiseOffset, pyramidNoise: discount }: HunyuanDitOptions,
  device: DeviceName,
): Tensor {
  const [, channels = 0] = noise.shape;
  if (discount > 0)
    return pyramidNoise(noise, {
      discount,
      keys: (level) => keys(`${PURPOSES.pyramidNoise}:${level}`),
      device,
    });
  if (noiseOffset === 0) return noise;
  return noise.add(keyedNormal(keys(PURPOSES.noiseOffset), [channels, 1, 1], { device }), noiseOffset);
}

/** Captions of both encoders, "" where an augmenter dropped them for guidance. */
function givenCaptions({ samples }: Pick<Batch, "samples">): {
  readonly captions: string[];
  readonly captionsT5: string[];
} {
  return {
    captions: samples.map(({ caption }) => givenText(caption)),
    captionsT5: samples.map(({ captionT5 }) => givenText(captionT5)),
  };
}

/**
 * Tokens for a trained encoder's segment, or the states of a frozen one; and the joined mask.
 * @param training selects the padding of the tokens
 */
export function textValues(
  { captions, captionsT5 }: { readonly captions: readonly string[]; readonly captionsT5: readonly string[] },
  training: boolean,
  encoder: TextEncoder,
  device: DeviceName,
): Values {
  const tokens = encoder.tokenize(captions, captionsT5, training);
  const onIt = Object.fromEntries(
    Object.entries({ ...tokens }).map(([name, tensor]: [string, Tensor]) => [name, onDevice(tensor, device)]),
  );
  const { attentionMask, attentionMaskT5 } = tokens;
  const textMask = onDevice(cat([attentionMask, attentionMaskT5], 1).eq(1).unsqueeze(2), device);
  if (encoder.trained) return { ...onIt, textMask };
  const states = noGrad(() => encoder.segment.run(pick(onIt, encoder.segment.reads)));
  checkStates(states, captions.length, encoder);
  return { ...pick(states, encoder.segment.writes), textMask };
}

function pick(values: Values, names: readonly string[]): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));
}

function checkStates(states: Values, count: number, { textLen, textLenT5 }: TextEncoder): void {
  for (const [name, length] of [
    ["textStates", textLen],
    ["textStatesT5", textLenT5],
  ] as const) {
    const shape = states[name]?.shape ?? [];
    const width = shape.at(-1) ?? 0;
    if (shape.length !== 3 || shape[0] !== count || shape[1] !== length)
      throw statesShape(name, [count, length, width], shape);
  }
}

/** Where a batch lies; it has numbers, so never on `meta`. */
export function deviceOf(tensor: Tensor): DeviceName {
  const { device } = tensor;
  return device === "meta" ? "cpu" : device;
}
