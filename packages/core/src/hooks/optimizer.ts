import type { Tensor } from "@hyfw/native";
import type { ParameterSlot } from "./model.js";
import { defineToken } from "./tokens.js";

/** What one optimizer step is told. */
export interface OptimizerStep {
  readonly lr: number;
  /** Factor on every gradient before it is used: the clip factor. float32 scalar on the parameters' device. */
  readonly gradScale: Tensor;
}

/** Updates parameters from their gradients. */
export interface Optimizer {
  /** One update in place; a slot whose `storage.grad` is missing is an error naming it. Gradients stay. */
  step(step: OptimizerStep): Promise<void>;
  /** Moments by `<parameter name>.<moment>` and counters as scalars; live tensors, not copies. */
  state(): {
    readonly tensors: Readonly<Record<string, Tensor>>;
    readonly counters: Readonly<Record<string, number>>;
  };
  /** Copies saved moments in; names and shapes must be those of `state()`. */
  restore(saved: {
    tensors: Readonly<Record<string, Tensor>>;
    counters: Readonly<Record<string, number>>;
  }): void;
  /** Frees what `state()` does not list. */
  dispose?(): void;
  /** One line for the plan. */
  describe(): string;
}

export interface OptimizerHook {
  readonly name: string;
  create(parameters: readonly ParameterSlot[]): Optimizer;
}

/** Exactly one plugin provides the optimizer. */
export const OPTIMIZER = defineToken<OptimizerHook>("optimizer", "one");
