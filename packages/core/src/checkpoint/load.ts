import { existsSync } from "node:fs";
import { join } from "node:path";
import { noGrad, openSafetensors, Scope } from "@hyfw/native";
import type { Accelerator, Sharding } from "../hooks/accelerator.js";
import type { Model, ParameterSlot } from "../hooks/model.js";
import type { Optimizer } from "../hooks/optimizer.js";
import type { WeightAverage } from "../run/weight-average.js";
import { checkFit } from "../weights/check-fit.js";
import { FILES } from "./save.js";
import { savedSlots } from "./saved-slots.js";
import { SavedStretches } from "./saved-stretches.js";
import type { RunState } from "./state.js";

/** What a checkpoint is copied into. */
export interface RestoreTarget {
  readonly model: Model;
  readonly sharding: Sharding | undefined;
  /** What this process updates. */
  readonly trained: readonly ParameterSlot[];
  readonly optimizer: Optimizer;
  readonly ema: WeightAverage | undefined;
  readonly accelerators: readonly Accelerator[];
}

/**
 * Copies a checkpoint's tensors into a run that is built, whatever number of processes and ZeRO stage saved it: each
 * process reads its own stretches.
 * @returns what could not be restored, in words for a person
 * @throws HYFW_WEIGHTS when names or shapes of the model differ; HYFW_CHECKPOINT_RESHARD
 */
export function restoreCheckpoint(path: string, state: RunState, target: RestoreTarget): string[] {
  const { model, sharding, trained, optimizer, ema, accelerators } = target;
  const notes: string[] = [];
  const file = openSafetensors(join(path, model.adapter === undefined ? FILES.model : FILES.adapter));
  checkFit(file, savedSlots(model), false);
  const isWeightless = sharding?.isWeightless === true;
  const spread = new Set<ParameterSlot>(isWeightless ? model.parameters : []);
  const whole = savedSlots(model).filter((slot) => !spread.has(slot));
  fill([...whole, ...(isWeightless ? sharding.slots : [])], SavedStretches.whole(file));
  for (const accelerator of accelerators) {
    const saved = state.accelerators?.[accelerator.name];
    if (saved !== undefined) accelerator.restoreState?.(saved);
  }
  const moments = SavedStretches.optimizer(path);
  if (moments !== undefined) {
    using scope = new Scope();
    const tensors = scope.run(() => moments.momentsOf(trained));
    scope.run(() => optimizer.restore({ tensors, counters: state.optimizerCounters }));
  } else notes.push("the checkpoint has no optimizer state: moments start at zero");
  if (ema?.restore === undefined) return notes;
  const averages = SavedStretches.ema(path);
  using scope = new Scope();
  if (averages !== undefined) {
    averages.check(model.parameters);
    const tensors = trained.map(
      (slot) => [slot.name, scope.run(() => averages.read(slot.name, slot))] as const,
    );
    ema.restore(Object.fromEntries(tensors), state.emaCount ?? 0);
  } else {
    ema.restore(Object.fromEntries(trained.map(({ name, storage }) => [name, storage])), 0);
    notes.push("the checkpoint has no moving average: it starts from the weights");
  }
  return notes;
}

/** Copies the weights of a checkpoint's file into a model. @throws HYFW_WEIGHTS when names or shapes differ */
export function loadWeights(path: string, model: Model): void {
  const file = openSafetensors(path);
  checkFit(file, savedSlots(model), false);
  fill(savedSlots(model), SavedStretches.whole(file));
}

/**
 * Copies a checkpoint's weights into a model: the moving average where it is asked for and there is one.
 * @returns whether it is the moving average
 */
export function loadCheckpointWeights(checkpoint: string, model: Model, which: "ema" | "live"): boolean {
  const averaged = join(checkpoint, FILES.ema);
  if (which === "ema" && existsSync(averaged)) {
    loadWeights(averaged, model);
    return true;
  }
  loadWeights(join(checkpoint, model.adapter === undefined ? FILES.model : FILES.adapter), model);
  const stretches = which === "ema" ? SavedStretches.ema(checkpoint) : undefined;
  if (stretches === undefined) return false;
  // What is not trained is its own average.
  stretches.check(model.parameters);
  fill(model.parameters, stretches);
  return true;
}

function fill(slots: readonly ParameterSlot[], saved: SavedStretches): void {
  for (const slot of slots) {
    using scope = new Scope();
    scope.run(() => noGrad(() => slot.storage.detach().copy_(saved.read(slot.name, slot))));
  }
}
