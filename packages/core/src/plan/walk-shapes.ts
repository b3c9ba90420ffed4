import { flops, memoryStats, resetMemoryPeak, Scope, standForCuda, type Tensor, tidy } from "@hyfw/native";
import { outlineMissing } from "../errors/plan.js";
import type { Accelerator } from "../hooks/accelerator.js";
import type { Resolution } from "../hooks/dataset.js";
import type { Loss, Model, ParameterSlot, Values } from "../hooks/model.js";
import { Executor } from "../run/executor.js";

/** The most memory of one segment's backward, in bytes beside the weights, and the gradients that it leaves. */
export interface SegmentPeak {
  readonly segment: string;
  /** With the gradients of this segment's parameters, without those of segments before it in the walk back. */
  readonly peak: number;
  readonly gradients: number;
}

/** What one forward and backward of a micro-batch needs. */
export interface ShapeWalk {
  /** Bytes beside the weights, at most, before backward begins. */
  readonly forwardPeak: number;
  /** Last segment first, as backward takes them. */
  readonly backward: readonly SegmentPeak[];
  /** Floating-point operations of linear layers and attention, recomputed ones included. */
  readonly flops: number;
}

/** What is walked over. */
export interface WalkFacts {
  /** Built on `meta`. */
  readonly model: Model;
  /** Prepared; those that change what a walk keeps. */
  readonly accelerators: readonly Accelerator[];
  readonly samples: number;
  readonly resolution: Resolution;
  /** Device whose paths are taken. */
  readonly device: "cpu" | "cuda";
}

/**
 * Runs forward and backward over tensors without numbers, through the executor and the accelerators that a run has,
 * and counts the bytes that there would be. Gradients of parameters are taken away after each segment, so that a plan
 * may put them where it likes.
 * @throws HYFW_PLAN_OUTLINE when the model gives no outline of its inputs
 */
export async function walkShapes(facts: WalkFacts): Promise<ShapeWalk> {
  const { model, samples, resolution, device } = facts;
  standForCuda(device === "cuda");
  using scope = new Scope();
  try {
    for (const { storage } of model.parameters) storage.setRequiresGrad();
    const before = heldOnMeta();
    const values = scope.run(() => outlineOf(model, samples, resolution));
    const watch = new PeakWatch(before);
    const executor = new Executor(model.segments, [watch, ...facts.accelerators]);
    const counted = flops();
    resetMemoryPeak("meta");
    await executor.train({ values, loss: someLoss, scale: 1, scope });
    return {
      forwardPeak: watch.forwardPeak,
      backward: watch.backward,
      flops: flops().all - counted.all,
    };
  } finally {
    for (const { storage } of model.parameters) storage.setGrad(undefined);
    standForCuda(false);
  }
}

function outlineOf(model: Model, samples: number, resolution: Resolution): Values {
  if (model.outline === undefined) throw outlineMissing();
  return model.outline(samples, resolution);
}

/** Stands for the model's loss: it is small beside the rest, and reads numbers of the batch that a plan has not. */
function someLoss(output: Values): Loss {
  const [prediction] = Object.values(output);
  if (prediction === undefined) throw new TypeError("the last segment wrote nothing");
  const perSample = prediction.float().square().mean([1, 2, 3]);
  return { mean: perSample.mean(), perSample: perSample.detach(), parts: {} };
}

/** Reads the peak around each segment's backward; outermost, so that recomputing is inside. */
class PeakWatch implements Accelerator {
  readonly name = "plan";
  readonly duties = [];
  readonly backward: SegmentPeak[] = [];
  forwardPeak = 0;

  constructor(private readonly base: number) {}

  describe(): string {
    return "watches memory";
  }

  async aroundBackward(
    ...[{ name, parameters }, written, step]: Parameters<NonNullable<Accelerator["aroundBackward"]>>
  ): Promise<Readonly<Record<string, Tensor>>> {
    if (this.backward.length === 0) this.forwardPeak = peakOnMeta() - this.base;
    resetMemoryPeak("meta");
    const read = await step.run(written);
    const peak = peakOnMeta() - this.base;
    this.backward.push({ segment: name, peak, gradients: takeGradients(parameters) });
    return read;
  }
}

/** Takes the gradients off and says how many bytes they had. */
function takeGradients(parameters: readonly ParameterSlot[]): number {
  return tidy(() => {
    let bytes = 0;
    for (const { storage } of parameters) {
      bytes += storage.grad === undefined ? 0 : 4 * storage.numel;
      storage.setGrad(undefined);
    }
    return bytes;
  });
}

function heldOnMeta(): number {
  return memoryStats("meta")?.held ?? 0;
}
function peakOnMeta(): number {
  return memoryStats("meta")?.peak ?? 0;
}
