import { type ProcessGroup, Scope, type Tensor } from "@hyfw/native";
import type {
  Accelerator,
  BackwardStep,
  Duty,
  Gradients,
  MicroStepFacts,
  RunFacts,
} from "../hooks/accelerator.js";
import type { Model, Segment } from "../hooks/model.js";
import { bucketsOf, type FlatBucket } from "./flat-bucket.js";

/** A bucket whose gradients are being averaged. */
interface Underway {
  readonly bucket: FlatBucket;
  readonly flat: Tensor;
  readonly reduced: Promise<void>;
}

/**
 * Plain data parallelism: every process has all weights, and gradients are averaged before the update. A segment's
 * gradients travel while backward goes on with the segment before it; once per step, after the last micro-batch.
 */
export class DataParallel implements Accelerator {
  readonly name = "data-parallel";
  readonly duties: readonly Duty[] = ["sharding"];
  private buckets = new Map<string, FlatBucket>();
  private underway: Underway[] = [];
  private isLast = true;
  private group: ProcessGroup | undefined;

  describe(): string {
    return "every process holds all weights; gradients are averaged segment by segment, during backward";
  }

  prepare({ segments }: Model, { group }: RunFacts): void {
    this.group = group;
    this.buckets = new Map(bucketsOf(segments, 1).map((bucket) => [bucket.name, bucket]));
  }

  beginMicroStep({ index, count }: MicroStepFacts): void {
    this.isLast = index === count - 1;
  }

  async aroundBackward(segment: Segment, written: Gradients, step: BackwardStep): Promise<Gradients> {
    const read = await step.run(written);
    const bucket = this.buckets.get(segment.name);
    if (!this.isLast || bucket === undefined || this.group === undefined) return read;
    const flat = bucket.takeGradients();
    const reduced = this.group.allReduce(flat, "mean");
    // A failure is thrown where the result is needed; until then it must not count as unhandled.
    reduced.catch(() => undefined);
    this.underway.push({ bucket, flat, reduced });
    return read;
  }

  async aroundUpdate(next: () => Promise<void>): Promise<void> {
    const underway = this.underway;
    this.underway = [];
    for (const { reduced } of underway) await reduced;
    using scope = new Scope();
    scope.run(() => {
      for (const { bucket, flat } of underway) {
        const views = bucket.views(flat);
        for (const [index, { storage }] of bucket.slots.entries()) storage.setGrad(views[index]);
        flat.dispose();
      }
    });
    await next();
  }
}
