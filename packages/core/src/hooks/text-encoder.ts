import type { Tensor } from "@hyfw/native";
import type { EncoderCache } from "./encoder-cache.js";
import type { ModelFacts, ParameterSlot, Segment } from "./model.js";
import { defineToken } from "./tokens.js";

/** Token ids and masks of a batch for both text encoders, int64. */
export interface Tokens {
  /** [B, textLen] */
  readonly inputIds: Tensor;
  /** [B, textLen], 1 for real tokens */
  readonly attentionMask: Tensor;
  /** [B, textLenT5] */
  readonly inputIdsT5: Tensor;
  /** [B, textLenT5] */
  readonly attentionMaskT5: Tensor;
}

/** Both text encoders of HunyuanDiT, or what stands for them. */
export interface TextEncoder {
  readonly textLen: number;
  readonly textLenT5: number;
  /** Whether its parameters are trained with the model; otherwise it runs without grad before the first segment. */
  readonly trained: boolean;
  /** One caption per sample for each encoder, "" where it was dropped for guidance. `training` selects the padding. */
  tokenize(captions: readonly string[], captionsT5: readonly string[], training: boolean): Tokens;
  /**
   * Reads `inputIds`, `attentionMask`, `inputIdsT5`, `attentionMaskT5`; writes `textStates`
   * [B, textLen, textStatesDim] and `textStatesT5` [B, textLenT5, textStatesDimT5].
   */
  readonly segment: Segment;
  /** Of frozen encoders names and shapes only, on `meta`. */
  readonly parameters: readonly ParameterSlot[];
  /** Bytes of frozen weights that stay on the device between batches, for plans. */
  readonly heldBytes?: number;
  /** Set when text states are kept on disk. */
  readonly cache?: EncoderCache;
  /** Label and fact, for the plan. */
  describe?(): readonly (readonly [label: string, fact: string])[];
}

/** How much of a caption an encoder reads. */
export interface CaptionReach {
  /** Tokens of the whole caption, special ones included. */
  readonly tokens: number;
  /** Tokens that the encoder takes. */
  readonly limit: number;
  /** Place in the caption, in UTF-16 code units, where what is cut off begins; its length when nothing is. */
  readonly end: number;
}

/** Builds the text encoders of a run. */
export interface TextEncoderHook {
  readonly name: string;
  readonly textStatesDim: number;
  readonly textStatesDimT5: number;
  readonly textLen: number;
  readonly textLenT5: number;
  /** How far the first or the second encoder reads into a caption; for `hyfw see`. */
  reach?(caption: string, encoder: "first" | "second"): CaptionReach;
  build(facts: ModelFacts): TextEncoder;
}

/** Exactly one plugin provides text encoders, when the model asks for them. */
export const TEXT_ENCODER = defineToken<TextEncoderHook>("text encoder", "one");
