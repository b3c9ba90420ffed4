import "reflect-metadata";

export { z } from "zod";
export {
  type Command,
  type CommandDefinition,
  type CommandIo,
  defineCommand,
  type Positional,
} from "./cli/command.js";
export { EXIT, type MainOptions, main } from "./cli/main.js";
export { CORE_VERSION } from "./core-version.js";
export { defineError, type ErrorFields, HyfwError } from "./define-error.js";
export {
  ACCELERATOR,
  type Accelerator,
  type BackwardStep,
  type Duty,
  type ForwardFacts,
  type Gradients,
  type LossScale,
  type MicroStepFacts,
  type RunFacts,
  type Sharding,
  type ShardSlot,
  type ShardTensors,
} from "./hooks/accelerator.js";
export { ADAPTER, type Adapter } from "./hooks/adapter.js";
export {
  AUGMENTER,
  type Augmenter,
  type Chance,
  type Sample,
  type Survey,
  type SurveyFact,
} from "./hooks/augmenter.js";
export {
  type BadSamplePolicy,
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
export type { CacheCounts, EncoderCache } from "./hooks/encoder-cache.js";
export { LATENTS, type Latents } from "./hooks/latents.js";
export {
  type Batch,
  type DrawRequest,
  type Inference,
  type Loss,
  type LowRank,
  MODEL,
  type Model,
  type ModelFacts,
  type ModelHook,
  type ParameterSlot,
  type Prepared,
  type Recipe,
  type Segment,
  type Values,
} from "./hooks/model.js";
export {
  type CreateOptimizer,
  OPTIMIZER,
  type Optimizer,
  type OptimizerFacts,
  type OptimizerHook,
  type OptimizerStep,
  type UpdateRule,
} from "./hooks/optimizer.js";
export { type EpochOrder, SAMPLER, type SamplerFacts, type SamplerHook, type Unit } from "./hooks/sampler.js";
export {
  type CaptionReach,
  TEXT_ENCODER,
  type TextEncoder,
  type TextEncoderHook,
  type Tokens,
} from "./hooks/text-encoder.js";
export { type Combine, defineToken, type Token } from "./hooks/tokens.js";
export {
  definePlugin,
  isPlugin,
  type OptionMeta,
  type PluginContext,
  type PluginDefinition,
} from "./plugin/define-plugin.js";
export { type LoadedSettings, loadSettings, type SettingsRequest } from "./preset/load-settings.js";
export { displayPath, formatOrigin, type LayerKind, type Origin } from "./preset/origin.js";
export {
  checkSettings,
  type ResolvedPlugin,
  type ResolvedSettings,
  resolveSettings,
  type SettingLeaf,
} from "./preset/resolve.js";
export { type LoadedRun, openRun, type Provided } from "./run/container.js";
export { type DiceKey, diceFor, diceKey, philoxBlock, rngFromKey } from "./run/dice.js";
export {
  type Broadcast,
  broadcastTo,
  type CheckpointEvent,
  type EndEvent,
  type EpochEvent,
  RUN_EVENTS,
  type RunEvents,
  type RunListener,
  type SampleEvent,
  type StartEvent,
  type StepEvent,
} from "./run/events.js";
export { firstSample } from "./run/first-sample.js";
export type { MetricsLine } from "./run/metrics.js";
export { patternOf } from "./run/name-pattern.js";
export { formatPlan, type PlanSection, planSettings } from "./run/plan.js";
export { REQUIRED_HOOKS } from "./run/required-hooks.js";
export { RunScope } from "./run/scope.js";
export { betasOption, DECAY_OPTIONS } from "./settings/decay-options.js";
export { listOptions, type Option } from "./settings/options.js";
export { formatPath, parsePath, type SettingPath } from "./settings/path.js";
export { type Settings, SettingsSchema, type UserPreset } from "./settings/schema.js";
export { suggest } from "./settings/suggest.js";
export {
  type Caption,
  type CaptionEdit,
  type CaptionMark,
  editCaption,
  givenText,
  originalText,
  plainCaption,
} from "./text/caption.js";
export { changeCaptions, type DrawPer, purposesFor } from "./text/change-captions.js";
export { foldPhrase } from "./text/fold-text.js";
export { type FoundPhrase, PhraseFinder } from "./text/phrase-finder.js";
export { isJoined } from "./text/word-edges.js";
export type { StateKey } from "./weights/choose-state.js";
export type { WeightEntry, WeightFile } from "./weights/weight-file.js";
