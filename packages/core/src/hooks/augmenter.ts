import type { Geometry, Row } from "./dataset.js";
import type { Dice } from "./dice.js";
import { defineToken } from "./tokens.js";

/** One drawn row on its way into a batch. Augmenters return a changed copy, never the same object changed. */
export interface Sample {
  readonly row: Row;
  readonly epoch: number;
  /** The caption that both text encoders get, before guidance dropping. */
  readonly caption: string;
  /** Name of the text column or construction that `caption` was taken from. */
  readonly construction: string;
  readonly geometry: Geometry;
  /** What augmenters did, for `hyfw see` and the log: `"tag-dropout: year"`. */
  readonly notes: readonly string[];
}

/**
 * Changes text, crop or flip before anything is decoded; it needs only the row and the dice.
 * Draw every number whether or not it is used, so that later draws do not depend on outcomes.
 */
export interface Augmenter {
  readonly name: string;
  /** Purposes it draws for; two augmenters may not share one. */
  readonly purposes: readonly string[];
  augment(sample: Sample, dice: Dice): Sample;
}

/** A chain: each takes what the last gave, in preset order. */
export const AUGMENTER = defineToken<Augmenter>("augmenter", "chain");
