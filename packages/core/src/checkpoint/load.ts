import { existsSync } from "node:fs";
import { join } from "node:path";
import { type MappedSafetensors, noGrad, openSafetensors, Scope, type Tensor } from "@hyfw/native";
import { weightsDiffer } from "../errors.js";
import type { Model } from "../hooks/model.js";
import type { Optimizer } from "../hooks/optimizer.js";
import type { Ema } from "../run/ema.js";
import { FILES } from "./save.js";
import { savedSlots } from "./saved-slots.js";
import type { RunState } from "./state.js";

/** What a checkpoint is copied into. */
export interface RestoreTarget {
  readonly model: Model;
  readonly optimizer: Optimizer;
  readonly ema: Ema | undefined;
}

/**
 * Copies a checkpoint's tensors into a run that is built.
 * @returns what could not be restored, in words for a person
 * @throws HYFW_WEIGHTS when names or shapes of the model differ
 */
export function restoreCheckpoint(path: string, state: RunState, target: RestoreTarget): string[] {
  const { model, optimizer, ema } = target;
  const notes: string[] = [];
  loadWeights(join(path, model.adapter === undefined ? FILES.model : FILES.adapter), model);
  if (existsSync(join(path, FILES.optimizer))) {
    using scope = new Scope();
    const tensors = scope.run(() => allOf(openSafetensors(join(path, FILES.optimizer))));
    scope.run(() => optimizer.restore({ tensors, counters: state.optimizerCounters }));
  } else notes.push("the checkpoint has no optimizer state: moments start at zero");
  if (ema === undefined) return notes;
  const emaPath = join(path, FILES.ema);
  if (existsSync(emaPath)) {
    using scope = new Scope();
    const file = openSafetensors(emaPath);
    checkNames(file, model);
    scope.run(() => ema.restore(allOf(file), state.emaCount ?? 0));
  } else {
    const weights = Object.fromEntries(model.parameters.map(({ name, storage }) => [name, storage]));
    ema.restore(weights, 0);
    notes.push("the checkpoint has no moving average: it starts from the weights");
  }
  return notes;
}

/** Copies the weights of a checkpoint's file into a model. @throws HYFW_WEIGHTS when names or shapes differ */
export function loadWeights(path: string, model: Model): void {
  const file = openSafetensors(path);
  checkNames(file, model);
  using scope = new Scope();
  for (const { name, storage } of savedSlots(model))
    scope.run(() => noGrad(() => storage.detach().copy_(file.get(name))));
}

function checkNames(file: MappedSafetensors, model: Model): void {
  const wrong: string[] = [];
  const known = new Set<string>();
  for (const { name, shape } of savedSlots(model)) {
    known.add(name);
    const found = file.has(name) ? file.entry(name).shape : undefined;
    if (found?.join() !== shape.join())
      wrong.push(
        `${name}: the model has [${shape}], the file ${found === undefined ? "none" : `[${found}]`}`,
      );
  }
  for (const name of file.names())
    if (!known.has(name)) wrong.push(`${name}: only in the file, [${file.entry(name).shape}]`);
  if (wrong.length > 0) throw weightsDiffer(file.path, wrong);
}

function allOf(file: MappedSafetensors): Record<string, Tensor> {
  return Object.fromEntries(file.names().map((name) => [name, file.get(name)]));
}
