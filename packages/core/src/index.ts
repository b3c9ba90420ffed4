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
export { formatPlan, type PlanSection, planSettings } from "./run/plan.js";
export { REQUIRED_HOOKS } from "./run/required-hooks.js";
export { RunScope } from "./run/scope.js";
export { listOptions, type Option } from "./settings/options.js";
export { formatPath, parsePath, type SettingPath } from "./settings/path.js";
export { type Settings, SettingsSchema, type UserPreset } from "./settings/schema.js";
