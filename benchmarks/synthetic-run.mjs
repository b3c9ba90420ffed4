// @ts-check
// A HunyuanDiT training step without data: plugins set up as a run would, batches of one resolution from nowhere.
import { ACCELERATOR, diceKey, LATENTS, MODEL, OPTIMIZER, plainCaption, TEXT_ENCODER } from "@hyfw/core";
import { DataParallel, Executor, trainStep, World } from "@hyfw/core/engine";
import { fromTypedArray, keyedNormal, noGrad, ones, zeros } from "@hyfw/native";
import precision from "@hyfw/plugin-accelerator-precision";
import zero from "@hyfw/plugin-accelerator-zero";
import hunyuanDit from "@hyfw/plugin-model-hunyuan-dit";
import adamw from "@hyfw/plugin-optimizer-adamw";

/**
 * @typedef {object} Shape what both sides of a comparison are built from
 * @property {number} hidden
 * @property {number} depth
 * @property {number} heads
 * @property {number} mlpRatio
 * @property {number} textWidth
 * @property {number} t5Width
 * @property {number} textLen
 * @property {number} t5Len
 * @property {number} pooledWidth
 * @property {number} channels
 * @property {number} latent
 * @property {number} batch
 * @property {number} threads
 * @property {"fp32" | "bf16"} dtype
 */

/**
 * Sets a plugin up with what others provide.
 * @param {{ options: import("zod").ZodType, setup: (context: never) => unknown }} plugin
 * @param {Record<string, unknown>} options
 * @param {Map<unknown, unknown>} provided
 */
async function setUp(plugin, options, provided) {
  /** @type {unknown} */
  const context = {
    options: plugin.options.parse(options),
    seed: 1,
    provide: (/** @type {unknown} */ token, /** @type {unknown} */ value) => provided.set(token, value),
    need: (/** @type {unknown} */ token) => provided.get(token),
    onClose: () => {},
  };
  await plugin.setup(/** @type {never} */ (context));
}

/** @param {{ storage: import("@hyfw/native").Tensor }} slot */
const storageOf = ({ storage }) => storage;

/** @param {readonly import("@hyfw/native").Tensor[]} tensors float32 */
const bytesOf = (tensors) => tensors.reduce((sum, { numel }) => sum + 4 * numel, 0);

/** @param {readonly number[]} shape @param {number} seed */
const noise = (shape, seed) =>
  keyedNormal([{ low: seed, high: 1 }], shape)
    .reshape(shape)
    .keep();

/**
 * @param {Shape} shape
 * @param {{ group?: import("@hyfw/native").ProcessGroup, stage?: 0 | 1 | 2 | 3 }} [together] the processes that share
 *   the work, and how: averaged gradients, or a ZeRO stage
 * @returns {Promise<{ parameters: number, held: () => { weights: number, states: number }, step: () => Promise<number> }>}
 */
export async function syntheticRun(shape, { group, stage = 0 } = {}) {
  const { batch, latent, channels, textLen, t5Len, textWidth, t5Width } = shape;
  const provided = new Map();
  const latents = noise([batch, channels, latent, latent], 1);
  provided.set(LATENTS, {
    channels,
    cellSize: 1,
    encode: () => latents,
    decode: () => latents,
    describe: () => "fixed numbers",
  });
  const states = {
    textStates: noise([batch, textLen, textWidth], 2),
    textStatesT5: noise([batch, t5Len, t5Width], 3),
  };
  provided.set(TEXT_ENCODER, {
    name: "fixed numbers",
    textStatesDim: textWidth,
    textStatesDimT5: t5Width,
    textLen,
    textLenT5: t5Len,
    build: () => ({
      textLen,
      textLenT5: t5Len,
      trained: false,
      tokenize: () => ({
        inputIds: zeros([batch, textLen], { dtype: "int64" }),
        attentionMask: ones([batch, textLen], { dtype: "int64" }),
        inputIdsT5: zeros([batch, t5Len], { dtype: "int64" }),
        attentionMaskT5: ones([batch, t5Len], { dtype: "int64" }),
      }),
      segment: {
        name: "text",
        reads: ["inputIds"],
        writes: ["textStates", "textStatesT5"],
        parameters: [],
        run: () => ({ textStates: states.textStates.alias(), textStatesT5: states.textStatesT5.alias() }),
      },
      parameters: [],
    }),
  });
  const network = {
    model: "custom",
    hiddenSize: shape.hidden,
    depth: shape.depth,
    numHeads: shape.heads,
    mlpRatio: shape.mlpRatio,
    learnSigma: false,
  };
  await setUp(hunyuanDit, network, provided);
  await setUp(adamw, {}, provided);
  await setUp(precision, { dtype: shape.dtype }, provided);
  const accelerators = [provided.get(ACCELERATOR)];
  if (group !== undefined && stage > 0) {
    await setUp(zero, { stage }, provided);
    accelerators.unshift(provided.get(ACCELERATOR));
  } else if (group !== undefined) accelerators.unshift(new DataParallel());
  const world = new World(undefined, group);
  const { rank, worldSize } = world;
  const withoutWeights = accelerators.some((one) => one.makesWeights?.(worldSize) === true);
  const model = provided.get(MODEL).build({ device: "cpu", seed: 1, withoutWeights });
  for (const accelerator of accelerators)
    await accelerator.prepare?.(model, { device: "cpu", rank, worldSize, ...(group && { group }) });
  const { sharding } = accelerators[0];
  const trained = sharding?.slots ?? model.parameters;
  const optimizer = provided.get(OPTIMIZER).create(trained);
  const executor = new Executor(model.segments, accelerators);
  const pixels = new Float32Array(batch * 3 * latent * latent);
  let steps = 0;
  const resolution = { height: latent, width: latent };
  const sample = {
    caption: plainCaption("", ""),
    captionT5: plainCaption("", ""),
    sourceSize: resolution,
    row: { id: "0", arrowFile: "", rowInFile: 0, size: resolution },
    geometry: { resolution, resized: resolution, crop: { top: 0, left: 0 } },
  };
  const samples = Array.from({ length: batch }, (_, place) => ({
    ...sample,
    row: { ...sample.row, id: String(place) },
  }));
  const next = async () => ({
    unit: { resolution },
    samples,
    toBatch: () => ({
      samples,
      epoch: steps,
      resolution,
      images: noGrad(() => fromTypedArray(pixels, [batch, 3, latent, latent])),
      key: (/** @type {number} */ place, /** @type {string} */ purpose) =>
        diceKey(1, steps, String(place), purpose),
    }),
  });
  return {
    parameters: model.parameters.reduce(
      (/** @type {number} */ sum, /** @type {{ shape: number[] }} */ slot) =>
        sum + slot.shape.reduce((a, b) => a * b, 1),
      0,
    ),
    /** Bytes that this process holds between steps. */
    held: () => ({
      weights: bytesOf((sharding?.isWeightless ? trained : model.parameters).map(storageOf)),
      states: bytesOf(Object.values(optimizer.state().tensors)),
    }),
    step: async () => {
      steps++;
      const order = { step: steps, lr: 1e-4, gradAccuSteps: 1, maxGradNorm: 1 };
      const parts = {
        model,
        trained,
        world,
        executor,
        optimizer,
        accelerators,
        ema: undefined,
        device: /** @type {const} */ ("cpu"),
      };
      const report = await trainStep(parts, order, /** @type {never} */ (next));
      return report?.loss ?? Number.NaN;
    },
  };
}

/**
 * DiT-g/2 1.2 with text encoders and latents that hold nothing.
 * @param {import("@hyfw/core").ModelFacts} facts
 * @returns {Promise<import("@hyfw/core").Model>}
 */
export async function largeModel(facts) {
  const provided = new Map();
  const lengths = { textLen: 77, textLenT5: 256 };
  provided.set(LATENTS, { channels: 4, cellSize: 8, describe: () => "none" });
  provided.set(TEXT_ENCODER, {
    ...{ name: "none", textStatesDim: 1024, textStatesDimT5: 2048, ...lengths },
    build: () => ({ ...lengths, trained: false, parameters: [] }),
  });
  await setUp(hunyuanDit, { model: "DiT-g/2" }, provided);
  return provided.get(MODEL).build(facts);
}
