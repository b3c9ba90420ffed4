import type { Choice } from "./choices.js";
import type { Gpu } from "./gpus.js";
import type { ShapeWalk } from "./walk-shapes.js";

/** Bytes on one GPU by kind, at the moment of the step that needs most. */
export interface MemoryByKind {
  readonly weights: number;
  readonly gradients: number;
  readonly states: number;
  readonly average: number;
  /** What forward keeps for backward, and what both need while they run. */
  readonly activations: number;
  /** Frozen encoders. */
  readonly frozen: number;
  /** What libtorch and CUDA take for themselves, and memory in pieces too small to use. */
  readonly margin: number;
}

/** What the model takes whatever the choice is, in bytes. */
export interface ModelBytes {
  readonly parameters: number;
  /** float32 weights, frozen ones of the model too. */
  readonly weights: number;
  /** Of those that are trained: what gradients, averages and communication are as large as. */
  readonly trained: number;
  /** Optimizer states, as the optimizer of the settings has them. */
  readonly states: number;
  /** 0 when the settings keep no moving average. */
  readonly average: number;
  readonly frozen: number;
  /** Weights of the largest segment. */
  readonly largestSegment: number;
}

/** Where a step runs. */
export interface Place {
  readonly gpu: Gpu;
  readonly gpus: number;
  readonly gradAccuSteps: number;
  /** Share of the card's peak that linear layers and attention reach. */
  readonly utilisation: number;
}

/** Bytes that CUDA's context and libtorch's workspaces take on a card; not measured here. */
const CONTEXT = 1.2e9;
/** Share of what the caching allocator holds that lies in pieces it cannot use. */
const FRAGMENTATION = 0.05;

/**
 * Memory of one GPU. Gradients and states are divided by the stage's rule: stage 1 spreads states and the average,
 * stage 2 gradients too, stage 3 weights too, of which two segments at a time are whole.
 */
export function memoryOf(
  choice: Choice,
  model: ModelBytes,
  walk: ShapeWalk,
  { gpus, gradAccuSteps }: Pick<Place, "gpus" | "gradAccuSteps">,
): MemoryByKind {
  const share = (stage: number): number => (choice.zero >= stage ? 1 / gpus : 1);
  const keptGradients = choice.offload === "states and gradients" ? 0 : share(2);
  const untouched = model.weights - model.trained;
  const gathered = choice.zero === 3 ? 2 * model.largestSegment : 0;
  const weights = untouched + model.trained * share(3) + gathered;
  const states = choice.offload === "none" ? model.states * share(1) : 0;
  const average = model.average * share(1);
  const { gradients, activations } = peakOf(walk, keptGradients, gradAccuSteps > 1);
  const held = weights + states + average + gradients + activations + model.frozen;
  return {
    weights,
    gradients,
    states,
    average,
    activations,
    frozen: model.frozen,
    margin: CONTEXT + FRAGMENTATION * held,
  };
}

/** The moment of a walk that needs most: gradients that stay, and everything else beside the weights. */
function peakOf(
  walk: ShapeWalk,
  kept: number,
  hasEarlierGradients: boolean,
): Pick<MemoryByKind, "gradients" | "activations"> {
  const all = walk.backward.reduce((sum, { gradients }) => sum + gradients, 0) * kept;
  let behind = hasEarlierGradients ? all : 0;
  let most = { gradients: behind, activations: walk.forwardPeak };
  for (const { peak, gradients } of walk.backward) {
    // A segment's own gradients are whole while they are made.
    const now = { gradients: behind, activations: peak };
    if (total(now) > total(most)) most = now;
    if (!hasEarlierGradients) behind += gradients * kept;
  }
  // When weights are updated all gradients are there and nothing else is.
  const update = { gradients: all, activations: 0 };
  return total(update) > total(most) ? update : most;
}

function total(kinds: object): number {
  return Object.values(kinds).reduce((sum: number, bytes: number) => sum + bytes, 0);
}

/** All kinds together. */
export function bytesOf(memory: MemoryByKind): number {
  return total(memory);
}

/** Host memory of one GPU's process for what is offloaded: weights to update, their gradients, states. */
export function hostBytesOf(choice: Choice, model: ModelBytes, gpus: number): number {
  if (choice.offload === "none") return 0;
  return (2 * model.trained + model.states) / (choice.zero >= 1 ? gpus : 1);
}

/** Bytes that one GPU sends per optimizer step, float32 gradients and weights in rings. */
export function trafficOf(
  { zero }: Pick<Choice, "zero">,
  { trained }: Pick<ModelBytes, "trained">,
  { gpus, gradAccuSteps }: Pick<Place, "gpus" | "gradAccuSteps">,
): number {
  if (gpus === 1) return 0;
  const once = (trained * (gpus - 1)) / gpus;
  // All-reduce is reduce-scatter and all-gather; stage 3 gathers for forward and for backward of each micro-batch.
  return zero === 3 ? once * (2 * gradAccuSteps + 1) : 2 * once;
}

/** Where the time of an optimizer step goes, in seconds. */
export interface TimeByKind {
  readonly compute: number;
  /** What of the communication computing does not hide. */
  readonly communication: number;
  readonly update: number;
  /** Copies to and from host memory that computing does not hide. */
  readonly host: number;
}

/** Throughput of AdamW on a host, in bytes of its arrays per second; a machine with 8 memory channels. */
const HOST_UPDATE_GBS = 100;

/** Time of one optimizer step. Communication and copies of gradients run beside backward, two thirds of the compute. */
export function timeOf(choice: Choice, model: ModelBytes, walk: ShapeWalk, place: Place): TimeByKind {
  const { gpu, gpus, gradAccuSteps, utilisation } = place;
  const compute = (gradAccuSteps * walk.flops) / (gpu.bf16Tflops * 1e12 * utilisation);
  const traffic = trafficOf(choice, model, place) / (gpu.linkGBs * 1e9);
  const updated = (3 * model.trained + 2 * model.states) / (choice.zero >= 1 ? gpus : 1);
  const isOffloaded = choice.offload !== "none";
  const out = isOffloaded ? model.trained / (choice.zero >= 1 ? gpus : 1) / (gpu.hostGBs * 1e9) : 0;
  const hidden = choice.offload === "states and gradients" ? (2 / 3) * compute : 0;
  return {
    compute,
    communication: Math.max(0, traffic - (2 / 3) * compute),
    update: updated / ((isOffloaded ? HOST_UPDATE_GBS : gpu.memoryGBs) * 1e9),
    host: Math.max(0, out - hidden) + out,
  };
}

/** All kinds together. */
export function secondsOf(time: TimeByKind): number {
  return total(time);
}
