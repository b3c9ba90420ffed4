import { listenerFailed } from "../errors/plugins.js";
import { defineToken } from "../hooks/tokens.js";
import type { MetricsLine } from "./metrics.js";

/** What listeners may know when training starts. */
export interface StartEvent {
  /** Folder of the run, absolute. */
  readonly runDir: string;
  /** Optimizer steps done before, above 0 when resumed. */
  readonly step: number;
  readonly maxSteps: number;
}

/** One optimizer step that is done. */
export interface StepEvent {
  readonly step: number;
  readonly epoch: number;
  readonly phase: string;
  /** Mean over the samples of the step. */
  readonly loss: number;
  readonly lr: number;
  /** Norm over all gradients before clipping. */
  readonly gradNorm: number;
  /** Samples of this step, over all ranks and micro-steps. */
  readonly samples: number;
  /** Wall time since the step before, in milliseconds. */
  readonly wallMs: number;
}

/** Sample pictures that were drawn. */
export interface SampleEvent {
  readonly step: number;
  /** One absolute path per prompt. */
  readonly files: readonly string[];
}

/** A checkpoint that is complete on disk. */
export interface CheckpointEvent {
  readonly step: number;
  readonly path: string;
}

/** An epoch that is done. */
export interface EpochEvent {
  readonly epoch: number;
  readonly phase: string;
  readonly step: number;
}

/** How a run ended. */
export interface EndEvent {
  readonly reason: "done" | "failed" | "interrupted";
  readonly step: number;
}

/** Events of a run by name. */
export interface RunEvents {
  onStart: StartEvent;
  onStep: StepEvent;
  /** A line was written to `metrics.jsonl`. */
  onLog: MetricsLine;
  onSample: SampleEvent;
  onCheckpoint: CheckpointEvent;
  onEpoch: EpochEvent;
  onEnd: EndEvent;
}

/** Listens to some events of a run; what it returns is waited for and then ignored. */
export type RunListener = {
  readonly [Event in keyof RunEvents]?: (event: RunEvents[Event]) => void | Promise<void>;
};

/** Any number of plugins listen. */
export const RUN_EVENTS = defineToken<RunListener>("run events", "chain");

/** Tells every listener of one event. */
export type Broadcast = <Event extends keyof RunEvents>(
  name: Event,
  event: RunEvents[Event],
) => Promise<void>;

/**
 * Makes the function that tells listeners, one after the other in set-up order.
 * It throws HYFW_EVENT_LISTENER naming the plugin of the first listener that throws; later ones are not told.
 */
export function broadcastTo(
  listeners: readonly { readonly plugin: string; readonly value: RunListener }[],
): Broadcast {
  return async (name, event) => {
    for (const { plugin, value } of listeners) {
      try {
        await value[name]?.(event);
      } catch (cause) {
        throw listenerFailed(plugin, name, cause);
      }
    }
  };
}
