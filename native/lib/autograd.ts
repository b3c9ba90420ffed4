import { addon } from "./addon.js";
import { Tensor } from "./tensor.js";

/** Whether operations on this thread are recorded for backward. */
export function isGradEnabled(): boolean {
  return addon.gradEnabled();
}

/** Runs `fn` without recording; it must not be async. */
export function noGrad<Result>(fn: () => Result): Result {
  return withGrad(false, fn);
}

/** Runs `fn` with recording on, also inside `noGrad`; it must not be async. */
export function enableGrad<Result>(fn: () => Result): Result {
  return withGrad(true, fn);
}

function withGrad<Result>(on: boolean, fn: () => Result): Result {
  const before = addon.setGradEnabled(on);
  try {
    return fn();
  } finally {
    addon.setGradEnabled(before);
  }
}

export interface BackwardOptions {
  /** Whether the recorded graph stays for another backward. */
  readonly retainGraph?: boolean;
}

/**
 * Adds d(outputs)/d(leaf) · grads to the `.grad` of every leaf, on the native thread; the event loop stays alive.
 * @param grads one per output, shaped as it; left out for scalars
 */
export function backward(
  outputs: readonly Tensor[],
  grads: readonly Tensor[] = [],
  { retainGraph = false }: BackwardOptions = {},
): Promise<void> {
  return addon.backwardAsync(ids(outputs), ids(grads), retainGraph);
}

/** `backward` on the calling thread. */
export function backwardSync(
  outputs: readonly Tensor[],
  grads: readonly Tensor[] = [],
  { retainGraph = false }: BackwardOptions = {},
): void {
  addon.backward(ids(outputs), ids(grads), retainGraph);
}

/**
 * d(outputs)/d(inputs) · grads, without touching any `.grad`, on the calling thread.
 * @returns one per input; `undefined` where an input does not matter
 */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  grads: readonly Tensor[] = [],
  { retainGraph = false }: BackwardOptions = {},
): (Tensor | undefined)[] {
  return addon
    .gradients(ids(outputs), ids(inputs), ids(grads), retainGraph)
    .map((id) => (id === 0 ? undefined : new Tensor(id)));
}

function ids(tensors: readonly Tensor[]): number[] {
  return tensors.map(({ id }) => id);
}
