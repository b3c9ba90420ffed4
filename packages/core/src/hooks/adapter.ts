import type { Model, ModelFacts, ParameterSlot } from "./model.js";
import { defineToken } from "./tokens.js";

/** Trains something small beside frozen weights: LoRA and its kin. */
export interface Adapter {
  readonly name: string;
  /**
   * Puts its terms beside the model's layers.
   * @returns the slots to train by the segment that runs them, under their names in the adapter's file
   */
  attach(model: Model, facts: ModelFacts): ReadonlyMap<string, readonly ParameterSlot[]>;
  /** Files that belong beside the tensors, by name. */
  files(): Readonly<Record<string, string>>;
  /** One line for the plan. */
  describe(): string;
}

/** None or one plugin trains an adapter instead of the model's own weights. */
export const ADAPTER = defineToken<Adapter>("adapter", "optional");
