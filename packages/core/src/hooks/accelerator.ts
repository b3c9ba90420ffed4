import type { DeviceName, Tensor } from "@hyfw/native";
import type { Model, Segment, Values } from "./model.js";
import type { OptimizerHook } from "./optimizer.js";
import { defineToken } from "./tokens.js";

/** What an accelerator takes charge of; two that claim the same are refused. */
export type Duty = "precision" | "activations" | "placement" | "sharding" | "attention" | "kernels";

/** What accelerators may know before the first step. */
export interface RunFacts {
  readonly device: DeviceName;
  readonly rank: number;
  readonly worldSize: number;
  /** Parameters have no numbers and `device` may not be here: the run is only planned. */
  readonly isPlanned?: boolean;
}

/** Gradients of values by name; a value that got none is absent. */
export type Gradients = Readonly<Record<string, Tensor>>;

/** Whether a forward is part of training (grad will be needed) or only draws pictures. */
export interface ForwardFacts {
  readonly training: boolean;
}

/** The backward of one segment, for an accelerator to run when it is ready. */
export interface BackwardStep {
  /** Gradients of what the segment read from those of what it wrote; parameters collect theirs in `storage.grad`. */
  run(written: Gradients): Promise<Gradients>;
  /** Runs the segment's forward again with grad, from the inputs that were kept: for segments that ran without. */
  replay(): void;
}

/** Wraps how segments are executed. Around forward, `next` runs the segment under the grad mode that is set. */
export interface Accelerator {
  readonly name: string;
  readonly duties: readonly Duty[];
  /** Lines for the plan. */
  describe(): string;
  prepare?(model: Model, facts: RunFacts): void | Promise<void>;
  /** Wraps how the optimizer is made, for instance over copies of the parameters in other memory. */
  wrapOptimizer?(create: OptimizerHook["create"]): OptimizerHook["create"];
  aroundForward?(
    segment: Segment,
    values: Values,
    facts: ForwardFacts,
    next: (values: Values) => Values,
  ): Values;
  aroundBackward?(segment: Segment, written: Gradients, step: BackwardStep): Promise<Gradients>;
  /** All gradients of one micro-step exist. */
  afterMicroStep?(): Promise<void>;
  /** Around clipping and the optimizer step. */
  aroundUpdate?(next: () => Promise<void>): Promise<void>;
}

/** Accelerators wrap, the first in preset order outermost. */
export const ACCELERATOR = defineToken<Accelerator>("accelerator", "wrap");
