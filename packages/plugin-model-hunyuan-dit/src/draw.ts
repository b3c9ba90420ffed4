import { type DrawRequest, diceKey, type Inference, type Values } from "@hyfw/core";
import { cat, type DeviceName, keyedNormal, noGrad, Scope, type Tensor, tidy } from "@hyfw/native";
import { sinusoid } from "@hyfw/nn";
import { tokenGrid } from "./conditions.js";
import { guide } from "./diffusion/guidance.js";
import type { Reading, Solver } from "./diffusion/solver.js";
import { ddimSolver } from "./diffusion/solver-ddim.js";
import { ddpmSolver } from "./diffusion/solver-ddpm.js";
import { dpmSolver } from "./diffusion/solver-dpm.js";
import { PREDICTION } from "./network/segments.js";
import { type Preparation, textValues } from "./prepare.js";
import { PURPOSES } from "./purposes.js";

/** Where the chance of a picture comes from; each gives [n, C, h, w], float32. */
export interface DrawNoise {
  start(shape: readonly number[]): Tensor;
  /** What the solver adds at a step, from 0. */
  step(index: number, shape: readonly number[]): Tensor;
}

/** What drawing latents takes. */
export interface LatentsOrder {
  readonly request: DrawRequest;
  readonly noise: DrawNoise;
  readonly preparation: Preparation;
  readonly device: DeviceName;
  /** Shown the latents after each solver step. */
  readonly onLatents?: (latents: Tensor, index: number) => void;
}

/**
 * Draws pictures with classifier-free guidance: the batch is [unconditional; conditional], variance channels are
 * dropped. The same request gives the same pictures, whatever else was drawn.
 * @returns uint8 [n, H, W, 3] on the CPU, kept: the caller disposes of it
 */
export async function drawPictures(
  request: DrawRequest,
  infer: Inference,
  preparation: Preparation,
  device: DeviceName,
): Promise<Tensor> {
  const { first = 0 } = request;
  const keys = (purpose: string) =>
    request.prompts.map((_, i) => diceKey(request.seed, 0, `draw-${first + i}`, purpose));
  const noise: DrawNoise = {
    start: (shape) => keyedNormal(keys(PURPOSES.drawStart), shape, { device }),
    step: (index, shape) => keyedNormal(keys(`${PURPOSES.drawStep}-${index}`), shape, { device }),
  };
  const latents = await drawLatents({ request, noise, preparation, device }, infer);
  try {
    return tidy(() => toPictures(preparation.latents.decode(latents))).keep();
  } finally {
    latents.dispose();
  }
}

/** The latents of pictures. @returns [n, C, h, w], kept: the caller disposes of them */
export async function drawLatents(order: LatentsOrder, infer: Inference): Promise<Tensor> {
  const { request, noise, preparation, device, onLatents } = order;
  const { prompts, resolution, steps, cfgScale, guidanceRescale = 0 } = request;
  const { latents: codec, schedule, options } = preparation;
  tokenGrid(resolution, codec.cellSize); // refuses sizes that cannot be cut into patches
  const shape = [codec.channels, resolution.height / codec.cellSize, resolution.width / codec.cellSize];
  const isGuided = cfgScale > 1;
  const solver = makeSolver(request, schedule, { predictType: options.predictType, range: codec.range });
  using whole = new Scope();
  try {
    const fixed = whole.run(() => noGrad(() => fixedValues(request, isGuided, preparation, device)));
    let xt = whole.run(() => noise.start(shape));
    for (const [index, t] of solver.timesteps.entries()) {
      using step = new Scope();
      const values = step.run(() => ({
        ...fixed,
        xt: isGuided ? cat([xt, xt], 0) : xt.alias(),
        tSinusoid: sinusoid(
          Array.from({ length: (isGuided ? 2 : 1) * prompts.length }, () => [t]),
          { device },
        ),
      }));
      const output = step.adopt(await infer(values));
      const next = step.run(() =>
        noGrad(() => {
          const prediction = predictionOf(output, codec.channels);
          return solver.step({
            index,
            prediction: isGuided ? guide(prediction, cfgScale, guidanceRescale) : prediction,
            xt,
            noise: () => noise.step(index, shape),
          });
        }),
      );
      xt.dispose();
      xt = whole.adopt(next);
      onLatents?.(xt, index);
      await request.onStep?.(index + 1, steps);
    }
    return xt.keep();
  } finally {
    solver.dispose();
  }
}

function makeSolver(
  { solver, steps }: DrawRequest,
  schedule: Preparation["schedule"],
  reading: Reading,
): Solver {
  if (solver === "ddim") return ddimSolver(schedule, steps, reading);
  if (solver === "ddpm") return ddpmSolver(schedule, steps, reading);
  return dpmSolver(schedule, steps, reading);
}

/** What does not change from step to step: text, size numbers, rotary tables. */
function fixedValues(
  { prompts, negative, resolution }: DrawRequest,
  isGuided: boolean,
  { options, textEncoder, rope, latents }: Preparation,
  device: DeviceName,
): Values {
  const texts = isGuided ? [...prompts.map(() => negative), ...prompts] : [...prompts];
  const source = options.sizeCond ?? [];
  const sizes = texts.map(() => [...source, resolution.width, resolution.height, 0, 0]); // width first, no crop
  return {
    ...textValues({ captions: texts, captionsT5: texts }, false, textEncoder, device),
    ...rope.get(tokenGrid(resolution, latents.cellSize), device),
    ...(options.sizeCond !== null && { sizeSinusoid: sinusoid(sizes, { device }) }),
  };
}

function predictionOf(output: Values, channels: number): Tensor {
  const prediction = output[PREDICTION];
  if (prediction === undefined) throw new RangeError(`the segments wrote no ${PREDICTION}`);
  return prediction.narrow(1, 0, channels);
}

/** Pictures in about [−1, 1], [n, 3, H, W], to bytes [n, H, W, 3] on the CPU: clamp(x/2 + ½) · 255, rounded. */
function toPictures(images: Tensor): Tensor {
  return tidy(() =>
    noGrad(() =>
      images
        .mul(0.5)
        .add(0.5)
        .clamp(0, 1)
        .mul(255)
        .round()
        .permute([0, 2, 3, 1])
        .to({ dtype: "uint8", device: "cpu" })
        .contiguous(),
    ),
  );
}
