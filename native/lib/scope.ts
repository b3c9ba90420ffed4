import { addon } from "./addon.js";
import { Tensor } from "./tensor.js";

/** Number of tensors that the addon holds for this thread. */
export function live(): number {
  return addon.live();
}

/**
 * Runs `fn` and frees every tensor made inside, except those that it returns (a tensor, or tensors in arrays and
 * plain objects), which move to the scope around. `fn` must not be async: use `Scope` across an `await`.
 */
export function tidy<Result>(fn: () => Result): Result {
  const scope = addon.openScope();
  const outer = addon.enterScope(scope);
  let result: Result;
  try {
    result = fn();
    moveAll(result, outer);
  } finally {
    addon.enterScope(outer);
    addon.closeScope(scope);
  }
  return result;
}

/**
 * Tensors with one end: what is made inside `run`, or while the scope is entered, is freed by `dispose`.
 *
 *     using step = new Scope();
 *     const loss = step.run(() => forward(batch));
 *     await backward([loss]);
 */
export class Scope {
  private readonly id = addon.openScope();
  private closed = false;

  /** Runs `fn` with this scope as the current one. `fn` may not be async; call `run` again after each `await`. */
  run<Result>(fn: () => Result): Result {
    const outer = addon.enterScope(this.id);
    try {
      return fn();
    } finally {
      addon.enterScope(outer);
    }
  }
  /** Puts tensors of other scopes, or of none, under this one; nested as `tidy` returns them. */
  adopt<Value>(value: Value): Value {
    moveAll(value, this.id);
    return value;
  }
  /** How many live tensors it owns. */
  get size(): number {
    return addon.sizeOfScope(this.id);
  }
  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    addon.closeScope(this.id);
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function moveAll(value: unknown, scope: number): void {
  if (value instanceof Tensor) {
    if (scope === 0) value.keep();
    else addon.moveToScope(value.id, scope);
  } else if (Array.isArray(value)) for (const entry of value) moveAll(entry, scope);
  else if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    for (const entry of Object.values(value)) moveAll(entry, scope);
}
