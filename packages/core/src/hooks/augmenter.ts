import type { Caption } from "../text/caption.js";
import type { Geometry, Resolution, Row } from "./dataset.js";
import type { Dice } from "./dice.js";
import { defineToken } from "./tokens.js";

/** One drawn row on its way into a batch. Augmenters return a changed copy, never the same object changed. */
export interface Sample {
  readonly row: Row;
  readonly epoch: number;
  /** What the first text encoder (BERT) is given. */
  readonly caption: Caption;
  /** What the second text encoder (mT5) is given; the same object as `caption` unless an augmenter parted them. */
  readonly captionT5: Caption;
  readonly geometry: Geometry;
  /** Source size that the size condition tells, before the model's own options: `row.size` unless changed. */
  readonly sourceSize: Resolution;
  /** What augmenters did beside changing captions, for `hyfw see` and the log: `"flip: the caption says left"`. */
  readonly notes: readonly string[];
}

/** One probability that an augmenter draws against: a row of the plan. */
export interface Chance {
  /** The setting below the plugin's options: `categories.year`. */
  readonly setting: string;
  readonly probability: number;
  /** What happens then, in a few words: `year tags leave the caption`. */
  readonly what: string;
  /**
   * Whether it finds anything to act on in this row.
   * @param captions every caption that the row may be given, before any change
   */
  touches(row: Row, captions: readonly Caption[]): boolean;
}

/** One fact that a survey found, for the plan; `items` are listed by `hyfw see` only. */
export interface SurveyFact {
  readonly label: string;
  readonly fact: string;
  readonly items?: readonly string[];
}

/** Looks at rows one after the other and tells what it found in them. */
export interface Survey {
  /** @param captions every caption that the row may be given, before any change */
  add(row: Row, captions: readonly Caption[]): void;
  facts(): readonly SurveyFact[];
}

/**
 * Changes text, crop or flip before anything is decoded; it needs only the row and the dice.
 * Draw every number whether or not it is used, so that later draws do not depend on outcomes.
 */
export interface Augmenter {
  readonly name: string;
  /** Purposes it draws for, each alone or followed by `:` and a name; two augmenters may not share one. */
  readonly purposes: readonly string[];
  /** What it does to captions: `chooses` one anew, so it must stand before all that `edits` them. */
  readonly captions?: "chooses" | "edits";
  /** Every caption that it may choose for a row, in its list's order; of an augmenter that chooses. */
  choices?(row: Row): readonly Caption[];
  /** Its probabilities, for the plan and `hyfw see`. */
  readonly chances?: readonly Chance[];
  /** Starts a look at the rows of a data set, for the plan and `hyfw see`. */
  survey?(): Survey;
  augment(sample: Sample, dice: Dice): Sample;
}

/** A chain: each takes what the last gave, in preset order. */
export const AUGMENTER = defineToken<Augmenter>("augmenter", "chain");
