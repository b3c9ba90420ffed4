import type { Bucket, Resolution } from "./dataset.js";
import { defineToken } from "./tokens.js";

/** `unitSize` samples of one resolution: what all ranks together take for one micro-step. */
export interface Unit {
  readonly resolution: Resolution;
  /** Positions of the index, `unitSize` of them, dealt to ranks contiguously. */
  readonly positions: Uint32Array;
}

/** The order of one epoch; a pure function of (seed, epoch), independent of workers, ranks and earlier epochs. */
export interface EpochOrder {
  readonly units: number;
  /** @param index 0 ≤ index < units */
  unit(index: number): Unit;
  /** Leftovers and repeats of this epoch, for the plan and the log: one line per bucket that has any. */
  readonly notes: readonly string[];
}

/** What a sampler may know. */
export interface SamplerFacts {
  readonly buckets: readonly Bucket[];
  readonly seed: number;
  /** Samples per unit: world size × batch size when the run was created. */
  readonly unitSize: number;
  /** Processes when the run was created; 1 when left out. */
  readonly ranks?: number;
}

export interface SamplerHook {
  order(facts: SamplerFacts, epoch: number): EpochOrder;
}

/** Exactly one plugin decides the order. */
export const SAMPLER = defineToken<SamplerHook>("sampler", "one");
