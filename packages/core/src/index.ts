import "reflect-metadata";

export { z } from "zod";
export { defineError, type ErrorFields, HyfwError } from "./define-error.js";
export { AUGMENTER, type Augmenter, type Sample } from "./hooks/augmenter.js";
export {
  type Bucket,
  DATASET,
  type Dataset,
  type DatasetHook,
  type Geometry,
  type PhaseData,
  type Resolution,
  type Row,
} from "./hooks/dataset.js";
export type { Dice, Rng } from "./hooks/dice.js";
export { type EpochOrder, SAMPLER, type SamplerFacts, type SamplerHook, type Unit } from "./hooks/sampler.js";
export { type Combine, defineToken, type Token } from "./hooks/tokens.js";
export {
  definePlugin,
  type OptionMeta,
  type PluginContext,
  type PluginDefinition,
} from "./plugin/define-plugin.js";
export { type DiceKey, diceFor, diceKey, philoxBlock, rngFromKey } from "./run/dice.js";
