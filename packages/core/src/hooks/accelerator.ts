import type { DeviceName, ProcessGroup, Tensor } from "@hyfw/native";
import type { Model, ParameterSlot, Segment, Values } from "./model.js";
import type { CreateOptimizer } from "./optimizer.js";
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
  /** The processes that train together; absent where there is one. */
  readonly group?: ProcessGroup;
}

/** Which of a step's micro-batches is under way. */
export interface MicroStepFacts {
  /** From 0. */
  readonly index: number;
  /** Micro-batches per optimizer step. */
  readonly count: number;
}

/** A stretch of one parameter, flattened, that this process keeps, updates and saves. */
export interface ShardSlot extends ParameterSlot {
  /** The parameter that it is a stretch of. */
  readonly whole: ParameterSlot;
  /** First element, and the one behind the last, in row-major order. */
  readonly start: number;
  readonly end: number;
}

/** Which tensor stands for a stretch: its weights, or their moving average. */
export type ShardTensors = (slot: ShardSlot) => Tensor;

/** How a model's parameters are spread over processes. Every process calls the same methods in the same order. */
export interface Sharding {
  /** What this process trains: the optimizer and the moving average work on these. */
  readonly slots: readonly ShardSlot[];
  /** Whether whole parameters exist only while a segment runs; `storage` of the model's own slots is then empty. */
  readonly isWeightless: boolean;
  /** Puts every process's stretches together, a few parameters at a time; `take` borrows each whole one. */
  gather(of: ShardTensors, take: (parameter: ParameterSlot, whole: Tensor) => void): Promise<void>;
  /** Runs `work` with other numbers in front of all parameters, gathered segment by segment. */
  inFront<Result>(of: ShardTensors, work: () => Promise<Result>): Promise<Result>;
}

/** Keeps small gradients of half precision from vanishing: the loss is multiplied, gradients are divided. */
export interface LossScale {
  readonly value: number;
  /** Told after each step whether its gradients were finite; a step that was not is left out. */
  report(areFinite: boolean): void;
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
  /** Whether `prepare` gives weights to a model that was built without numbers, so that no process holds all. */
  makesWeights?(worldSize: number): boolean;
  prepare?(model: Model, facts: RunFacts): void | Promise<void>;
  /** How parameters are spread over processes, once prepared; only of the accelerator with that duty. */
  readonly sharding?: Sharding | undefined;
  readonly lossScale?: LossScale | undefined;
  /** A micro-step begins. */
  beginMicroStep?(facts: MicroStepFacts): void;
  /** Before a segment's forward, to bring here what it needs. */
  beforeForward?(segment: Segment, facts: ForwardFacts): Promise<void>;
  /** Wraps how the optimizer is made, for instance over copies of the parameters in other memory. */
  wrapOptimizer?(create: CreateOptimizer): CreateOptimizer;
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
  /** Numbers that a resumed run must go on with. */
  state?(): Readonly<Record<string, number>>;
  restoreState?(saved: Readonly<Record<string, number>>): void;
  /** Frees what it keeps; when the run is closed. */
  close?(): void | Promise<void>;
}

/** Accelerators wrap, the first in preset order outermost. */
export const ACCELERATOR = defineToken<Accelerator>("accelerator", "wrap");
