import type { DeviceName, Tensor } from "@hyfw/native";
import type { DiceKey } from "../run/dice.js";
import type { WeightFile } from "../weights/weight-file.js";
import type { Adapter } from "./adapter.js";
import type { Sample } from "./augmenter.js";
import type { Resolution } from "./dataset.js";
import type { EncoderCache } from "./encoder-cache.js";
import { defineToken } from "./tokens.js";

/**
 * A named place for one trained array. Modules ask the slot for its tensor each time they run, so that precision,
 * sharding and offloading change what is behind it and no module changes. `Parameter` of `@hyfw/nn` is one.
 */
export interface ParameterSlot {
  /** The official state-dict name, for example `blocks.0.attn1.Wqkv.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** The array that is trained and saved: float32, a leaf that requires grad. On the `meta` device it has no numbers. */
  readonly storage: Tensor;
  /** Its initial numbers, made anew, in the current scope: for one that was built without. */
  initial?(device: DeviceName): Tensor;
  /** What modules compute with: the substitute while there is one, else `storage`. */
  tensor(): Tensor;
  /** Puts another tensor in front of `storage` until called with `undefined`; the caller owns it. */
  substitute(tensor: Tensor | undefined): void;
  /** Whether weight decay applies: false for norms, biases and embeddings. */
  readonly decays: boolean;
  /** Adds a low-rank term to the linear layer of this weight until called with `undefined`; absent where slots know none. */
  adapt?(lowRank: LowRank | undefined): void;
  /** `true` for weights and biases of linear layers and convolutions, which reduced precision may cast. */
  readonly castable: boolean;
}

/** What an adapter adds to a linear layer: scale · up · down · x. */
export interface LowRank {
  /** [rank, in] */
  readonly down: ParameterSlot;
  /** [out, rank] */
  readonly up: ParameterSlot;
  readonly scale: number;
}

/** Named tensors that flow between segments. */
export type Values = Readonly<Record<string, Tensor>>;

/** One stretch of the model with explicit data flow; what accelerators wrap. */
export interface Segment {
  /** For example `embed`, `blocks.0`, `final`. */
  readonly name: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly parameters: readonly ParameterSlot[];
  /** Plain tensor code: gets exactly the values in `reads`, returns exactly those in `writes`. */
  run(values: Values): Values;
}

/** One micro-batch of one resolution, on the run's device. */
export interface Batch {
  /** The B samples, as augmenters left them. */
  readonly samples: readonly Sample[];
  readonly epoch: number;
  readonly resolution: Resolution;
  /** RGB in [-1, 1], mirrored where the sample says so, float32 [B, 3, H, W]. */
  readonly images: Tensor;
  /**
   * For validation, where in the range of timesteps each sample is to be taken, in [0, 1), instead of drawn; nothing that
   * training adds to the noise is added then.
   */
  readonly quantiles?: readonly number[];
  /** The key of one sample's chance for a purpose, for `keyedNormal` and for drawing on the CPU. */
  key(sample: number, purpose: string): DiceKey;
}

/** What a batch became: what the first segments read, and what the loss needs beside what the last segment writes. */
export interface Prepared {
  /** Everything that segments read and no segment writes. */
  readonly values: Values;
  /** Timestep per sample, for records. */
  readonly timesteps: readonly number[];
  /** Whether losses are those of validation, which the model's settings do not weigh. */
  readonly isValidation?: boolean;
  /** Kept by the model for its `loss`. */
  readonly forLoss: Values;
}

/** A loss and what it is made of. */
export interface Loss {
  /** Scalar that backward starts from: the mean over the micro-batch, float32. */
  readonly mean: Tensor;
  /** Losses per sample, [B], with grad, of which `mean` is the mean: for settings that weigh rows. */
  readonly each?: Tensor;
  /** Per sample, [B], without grad. */
  readonly perSample: Tensor;
  /** Parts for the record, scalars without grad: `mse`, `vb`. */
  readonly parts: Values;
}

/** One picture to draw. */
export interface DrawRequest {
  readonly prompts: readonly string[];
  /** Number of the first of these pictures, from 0, in a longer list that is drawn in parts: their chance follows it. */
  readonly first?: number;
  readonly negative: string;
  readonly resolution: Resolution;
  readonly solver: "ddpm" | "ddim" | "dpmms";
  readonly steps: number;
  /** Guidance scale s in u + s·(c − u); none when s ≤ 1. */
  readonly cfgScale: number;
  /** Share, 0 to 1, by which the guided prediction is brought back to the spread of the conditional one; 0 when left out. */
  readonly guidanceRescale?: number;
  readonly seed: number;
  /** Told after each solver step, from 1. */
  readonly onStep?: (step: number, steps: number) => void | Promise<void>;
}

/** A program of another kind that draws a picture with the same settings. */
export interface Recipe {
  /** For example `diffusers`; the file's name begins with it. */
  readonly kind: string;
  /** For example `.py`. */
  readonly ending: string;
  readonly text: string;
}

/** Runs all segments without grad and gives what the last one wrote. */
export type Inference = (values: Values) => Promise<Values>;

/** A model that is built: weights in slots, segments over them. */
export interface Model {
  readonly segments: readonly Segment[];
  /** Timesteps that there are, for records by band; none where they are not numbered from 0. */
  readonly timestepCount?: number;
  /** Every trained slot once, in the order of the model file. */
  readonly parameters: readonly ParameterSlot[];
  /** Every slot of the model file, also those that stay as they are; `parameters` when left out. */
  readonly whole?: readonly ParameterSlot[];
  /** What is trained beside the model's own weights, and saved instead of them. */
  readonly adapter?: Adapter;
  /**
   * Weights of another program's file under this model's names.
   * @throws when they are of another model, or settings contradict them
   */
  adoptWeights?(file: WeightFile): WeightFile;
  /**
   * Weights with an adapter's products added, each array made when it is asked for.
   * @param file weights as `adoptWeights` gives them. @throws when the adapter is for other layers
   */
  addAdapter?(file: WeightFile, adapter: WeightFile, strength: number): WeightFile;
  /** Label and fact, for the plan. */
  describe(): readonly (readonly [label: string, fact: string])[];
  /** Captions, noise and timesteps: from a batch to what segments read. No grad. All tensors belong to the caller's scope. */
  prepare(batch: Batch): Prepared;
  /**
   * What `prepare` would give for so many samples of a resolution, as tensors on `meta`: shapes and types, no numbers.
   * For plans of memory and time.
   */
  outline?(samples: number, resolution: Resolution): Values;
  /** Encoders that run beside the model and are not trained: what they are, and the bytes of their weights. */
  frozen?(): readonly { readonly name: string; readonly bytes: number }[];
  /** Caches of these encoders, where they keep any. */
  caches?(): readonly EncoderCache[];
  /** The loss over what the last segment wrote. */
  loss(prepared: Prepared, output: Values): Loss;
  /** Draws pictures: uint8 [n, H, W, 3] on the CPU. The same request gives the same pictures. */
  draw(request: DrawRequest, infer: Inference): Promise<Tensor>;
  /** How other programs draw the same, as near as they can. */
  recipes?(request: DrawRequest): readonly Recipe[];
  /** What a weights file says of itself: version, prediction type, betas. */
  fileFacts(): Readonly<Record<string, string>>;
}

/** What a model may know when it is built. */
export interface ModelFacts {
  /** `meta` for names and shapes without numbers. */
  readonly device: DeviceName | "meta";
  /** Initial weights depend on this and on parameter names only. */
  readonly seed: number;
  /** Whether trained parameters are on the `meta` device, because each process makes only its part of them. */
  readonly withoutWeights?: boolean;
  /** Whether trained parameters may begin as memory without numbers, because a file's replace all of them. */
  readonly isBlank?: boolean;
}

/** Builds the model of a run. */
export interface ModelHook {
  readonly name: string;
  /** What it draws for in training, beside the augmenters; for `hyfw see`. */
  readonly purposes?: readonly string[];
  /** Label and fact of what the model is told of a sample beside its captions; for `hyfw see`. */
  describeSample?(sample: Sample): readonly (readonly [label: string, fact: string])[];
  build(facts: ModelFacts): Model;
}

/** Exactly one plugin provides the model. */
export const MODEL = defineToken<ModelHook>("model", "one");
