import type { Batch, DrawRequest, Model, ModelFacts, ParameterSlot, Segment, Values } from "./model.js";
import { defineToken } from "./tokens.js";

/** Trains something small beside frozen weights: LoRA and its kin, or networks that add to what segments write. */
export interface Adapter {
  readonly name: string;
  /**
   * Puts its terms beside the model's layers.
   * @returns the slots to train by the segment that runs them, under their names in the adapter's file
   */
  attach(model: Model, facts: ModelFacts): ReadonlyMap<string, readonly ParameterSlot[]>;
  /**
   * The model's segments with more around or between them, for adapters that are no terms of layers: a ControlNet adds
   * to the values that carry long skips. Names, what is read and written, and parameters are the adapter's to keep true.
   * @param segments the model's, each with the slots that `attach` gave it
   */
  segments?(segments: readonly Segment[]): readonly Segment[];
  /** Values for its segments to read beside the model's, of a batch in training. No grad. */
  batchValues?(batch: Batch, values: Values): Values;
  /**
   * The same for drawing, before every solver step.
   * @param values what the model gives its segments; with guidance for twice as many pictures, the unconditional first
   */
  drawValues?(request: DrawRequest, values: Values): Values;
  /** Files that belong beside the tensors, by name. */
  files(): Readonly<Record<string, string>>;
  /** One line for the plan. */
  describe(): string;
}

/** None or one plugin trains an adapter instead of the model's own weights. */
export const ADAPTER = defineToken<Adapter>("adapter", "optional");
