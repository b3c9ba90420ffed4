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
  /**
   * The weights to draw and publish with, for an optimizer that trains at other ones, in the current scope: they then
   * take the place of the moving average.
   */
  averageOf?(slot: ParameterSlot): Tensor;
  /** Frees what `state()` does not list. */
  dispose?(): void;
  /** One line for the plan. */
  describe(): string;
}

/** What a tensor's group says of its update (`train.groups`). */
export interface UpdateRule {
  /** Learning rate as a multiple of the run's. */
  readonly lr: number;
  /** Instead of what the optimizer's own settings say; those when left out. */
  readonly weightDecay?: number;
}

/** What an optimizer is told of the run beside what it updates. */
export interface OptimizerFacts {
  ruleOf(slot: Pick<ParameterSlot, "name">): UpdateRule;
  /**
   * Numbers that are sums over all parameters, added up over processes where each updates its own stretches; as given
   * where every process updates all. Every process calls it at the same place of each step.
   */
  sum(numbers: readonly number[]): Promise<readonly number[]>;
}

/** Makes the optimizer of some parameters; accelerators wrap it. */
export type CreateOptimizer = (parameters: readonly ParameterSlot[]) => Optimizer;

export interface OptimizerHook {
  readonly name: string;
  /** Whether it follows `ruleOf`; without it settings with groups are refused. */
  readonly takesRules?: boolean;
  /** Why it must see all parameters at once, for one whose updates do; it is then refused where they go in parts. */
  readonly seesAll?: string;
  create(parameters: readonly ParameterSlot[], facts: OptimizerFacts): Optimizer;
}

/** Exactly one plugin provides the optimizer. */
export const OPTIMIZER = defineToken<OptimizerHook>("optimizer", "one");
