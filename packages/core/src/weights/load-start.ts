import { noGrad, Scope, type Tensor } from "@hyfw/native";
import { adapterUnknown } from "../errors/weights.js";
import type { Sharding, ShardSlot } from "../hooks/accelerator.js";
import type { Model, ParameterSlot } from "../hooks/model.js";
import type { WeightAverage } from "../run/weight-average.js";
import type { Settings } from "../settings/schema.js";
import { checkFit } from "./check-fit.js";
import { chooseState, type StateKey } from "./choose-state.js";
import { openWeights, type WeightFile } from "./weight-file.js";

/** What starting weights are copied into. */
export interface StartTarget {
  readonly model: Model;
  /** How parameters are spread over processes; absent where every process has all. */
  readonly sharding?: Sharding | undefined;
  /** What this process updates; the model's parameters when left out. */
  readonly trained?: readonly ParameterSlot[];
  readonly ema: WeightAverage | undefined;
}

/**
 * Copies the weights that training starts from into a model that is built, and into its moving average.
 * @returns what a person should know
 * @throws HYFW_WEIGHTS when names or shapes differ, and what opening and adopting a file throw
 */
export function loadStart(
  { model, sharding, trained = model.parameters, ema }: StartTarget,
  settings: Settings["weights"],
): string[] {
  const notes = loadModel(model, settings, sharding);
  if (ema === undefined) return notes;
  if (ema.restore === undefined) {
    if (settings.ema !== undefined)
      notes.push("weights.ema is left out: the optimizer makes its own average");
    return notes;
  }
  if (settings.ema !== undefined) {
    const file = adopted(model, settings.ema, settings.state === "auto" ? "ema" : settings.state);
    checkFit(file, model.whole ?? model.parameters, settings.allowMissing);
    using scope = new Scope();
    const known = trained.filter(({ name }) => file.has(name));
    const tensors = scope.run(() =>
      Object.fromEntries(known.map((slot) => [slot.name, partFor(slot, file.get(slot.name))])),
    );
    ema.restore(tensors, 0);
    notes.push(`the moving average starts from ${known.length} tensors of ${file.path}`);
  } else if (settings.model !== undefined)
    ema.restore(Object.fromEntries(trained.map(({ name, storage }) => [name, storage])), 0);
  return notes;
}

/** Weights to start from, and adapters whose products are added on the way. */
export interface ModelSource extends Readonly<Settings["weights"]> {
  readonly adapters?: readonly AdapterSource[];
}

/** An adapter's file and the factor on what it adds. */
export interface AdapterSource {
  readonly path: string;
  readonly strength: number;
}

/** Copies the weights of `source.model`, if it is set, into every slot of the model file. */
export function loadModel(model: Model, settings: ModelSource, sharding?: Sharding): string[] {
  if (settings.model === undefined) return [];
  const { adapters = [] } = settings;
  const file = withAdapters(model, adopted(model, settings.model, settings.state), adapters);
  const slots = model.whole ?? model.parameters;
  const { missing, unexpected } = checkFit(file, slots, settings.allowMissing);
  using scope = new Scope();
  const spread = new Set<ParameterSlot>(sharding?.isWeightless ? model.parameters : []);
  const targets = [
    ...slots.filter((slot) => !spread.has(slot)),
    ...(spread.size > 0 ? (sharding?.slots ?? []) : []),
  ];
  for (const slot of targets)
    if (file.has(slot.name))
      scope.run(() => noGrad(() => slot.storage.detach().copy_(partFor(slot, file.get(slot.name)))));
  return [
    `starting from ${file.path} (${file.layout})`,
    ...adapters.map(({ path, strength }) => `plus ${strength} x ${path}`),
    ...(missing.length > 0
      ? [`${missing.length} tensors are not in it and begin anew: ${some(missing)}`]
      : []),
    ...(unexpected.length > 0
      ? [`${unexpected.length} tensors of it are not in the model and left out: ${some(unexpected)}`]
      : []),
  ];
}

/** What of a whole array a slot stands for: all of it, or the stretch that this process has. */
function partFor(slot: ParameterSlot | ShardSlot, whole: Tensor): Tensor {
  return "whole" in slot ? whole.reshape([-1]).narrow(0, slot.start, slot.end - slot.start) : whole;
}

/** A state of a file under the model's own names. A file may lack the moving average: then the first state is taken. */
function adopted(model: Model, path: string, state: StateKey): WeightFile {
  const opened = openWeights(path);
  const key = state === "ema" && !opened.names().some((name) => name.startsWith("ema.")) ? "auto" : state;
  const file = chooseState(opened, key);
  return model.adoptWeights?.(file) ?? file;
}

/** @throws HYFW_WEIGHTS_ADAPTER when the model knows none, and what its `addAdapter` throws */
function withAdapters(model: Model, file: WeightFile, adapters: readonly AdapterSource[]): WeightFile {
  return adapters.reduce((sum, { path, strength }) => {
    const added = model.addAdapter?.(sum, openWeights(path), strength);
    if (added === undefined) throw adapterUnknown(path);
    return added;
  }, file);
}

function some(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 4).join(", ")} and ${names.length - 4} more` : names.join(", ");
}
