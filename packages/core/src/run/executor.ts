import { backward, enableGrad, noGrad, Scope, type Tensor, tidy } from "@hyfw/native";
import { segmentWithoutGraph } from "../errors/training.js";
import type {
  Accelerator,
  BackwardStep,
  ForwardFacts,
  Gradients,
  MicroStepFacts,
} from "../hooks/accelerator.js";
import type { Inference, Loss, Segment, Values } from "../hooks/model.js";
import { GradientStore } from "./gradient-store.js";
import { flowingReads, makeLeaves, runChecked, takeReads, valueNamed } from "./segment-values.js";

/** How long a walk may keep the event loop busy before it lets others run, in milliseconds. */
const YIELD_AFTER_MS = 8;

/** What one micro-step starts from. */
export interface MicroStep {
  /** What segments read and none writes. */
  readonly values: Values;
  /** Called once, under grad, with what the last segment wrote. */
  loss(output: Values): Loss;
  /** Factor on the loss before backward: 1 / accumulation. */
  readonly scale: number;
  /** Which of the step's micro-batches this is; the only one when left out. */
  readonly micro?: MicroStepFacts;
  /** Takes the loss; every other tensor of the walk is freed inside. */
  readonly scope: Scope;
  /** Looks at the loss before backward starts, and throws when it may not go on. */
  check?(loss: Loss): void;
}

/** What one forward and backward gave. */
export interface Pass {
  readonly loss: Loss;
  readonly forwardMs: number;
  readonly backwardMs: number;
}

/** One segment between its forward and its backward. */
interface Kept {
  readonly segment: Segment;
  /** Owns the leaves and what the segment wrote. */
  readonly scope: Scope;
  /** What the segment read, as leaves of a graph of its own. */
  readonly leaves: Values;
  written: Values;
}

/**
 * Walks the segments of a model, forward and back, one graph per segment, with accelerators wrapped around each.
 * Gradients of parameters collect in `storage.grad`; every other tensor is freed once the walk has passed it.
 */
export class Executor {
  /** The reads of each segment that gradients flow through. */
  private readonly flowing: readonly ReadonlySet<string>[];
  private lastYield = performance.now();

  /** @param accelerators outermost first */
  constructor(
    private readonly segments: readonly Segment[],
    private readonly accelerators: readonly Accelerator[] = [],
  ) {
    this.flowing = flowingReads(segments);
  }

  /** One forward and backward of a micro-batch. */
  async train({ values, loss: lossOf, scale, micro, scope, check }: MicroStep): Promise<Pass> {
    for (const accelerator of this.accelerators)
      accelerator.beginMicroStep?.(micro ?? { index: 0, count: 1 });
    const kept: Kept[] = [];
    using gradients = new GradientStore();
    using seed = new Scope();
    try {
      const started = performance.now();
      const output = await this.forward(values, kept);
      const leaves = seed.run(() => makeLeaves(output, new Set(Object.keys(output))));
      const loss = scope.run(() => tidy(() => enableGrad(() => lossOf(leaves))));
      check?.(loss);
      const middle = performance.now();
      const start = seed.run(() => loss.mean.detach().mul(0).add(scale));
      await backward([loss.mean], [start]);
      gradients.add(seed.run(() => gradientsOf(leaves)));
      await this.backward(kept, gradients);
      for (const accelerator of this.accelerators) await accelerator.afterMicroStep?.();
      return { loss, forwardMs: middle - started, backwardMs: performance.now() - middle };
    } finally {
      for (const { scope: own } of kept) own.dispose();
    }
  }

  /**
   * Runs all segments without grad and frees values after their last reader.
   * @returns what the last segment wrote, outside of every scope: the caller disposes of it
   */
  readonly infer: Inference = async (values) => {
    using scope = new Scope();
    const outside = new Set(Object.values(values));
    const current = new Map(Object.entries(values));
    for (const [index, segment] of this.segments.entries()) {
      await this.prepareForward(segment, { training: false });
      const written = scope.run(() =>
        tidy(() => {
          // A second address of each, so that a segment may give back what it got.
          const given = makeLeaves(takeReads(segment, current), new Set());
          return noGrad(() => this.run(segment, given, { training: false }));
        }),
      );
      const replaced = segment.writes.map((name) => current.get(name));
      for (const [name, value] of Object.entries(written)) current.set(name, value);
      for (const name of segment.reads.filter((read) => !this.isNeeded(read, index))) {
        replaced.push(current.get(name));
        current.delete(name);
      }
      const held = new Set(current.values());
      for (const value of replaced)
        if (value !== undefined && !outside.has(value) && !held.has(value)) value.dispose();
      await this.letOthersRun();
    }
    const last = this.segments.at(-1);
    return Object.fromEntries((last?.writes ?? []).map((name) => [name, valueNamed(name, current).keep()]));
  };

  private async forward(values: Values, kept: Kept[]): Promise<Values> {
    const current = new Map(Object.entries(values));
    let written: Values = {};
    for (const [index, segment] of this.segments.entries()) {
      await this.prepareForward(segment, { training: true });
      const scope = new Scope();
      const leaves = scope.run(() =>
        makeLeaves(takeReads(segment, current), this.flowing[index] ?? new Set()),
      );
      const record: Kept = { segment, scope, leaves, written: {} };
      kept.push(record);
      written = this.runForward(record);
      for (const [name, value] of Object.entries(written)) current.set(name, value);
      await this.letOthersRun();
    }
    return written;
  }

  private async prepareForward(segment: Segment, facts: ForwardFacts): Promise<void> {
    for (const accelerator of this.accelerators) await accelerator.beforeForward?.(segment, facts);
  }

  private async backward(kept: readonly Kept[], gradients: GradientStore): Promise<void> {
    for (const record of [...kept].reverse()) {
      const written = gradients.take(record.segment.writes);
      const read = await this.runBackward(record, written);
      gradients.add(read);
      gradients.free(written);
      record.scope.dispose();
      await this.letOthersRun();
    }
  }

  /** Forward with grad, as far as accelerators leave it on. @param without the accelerator that asks for a replay */
  private runForward(record: Kept, without?: Accelerator): Values {
    const { segment, leaves, scope } = record;
    record.written = scope.run(() =>
      tidy(() => enableGrad(() => this.run(segment, leaves, { training: true }, without))),
    );
    return record.written;
  }

  private run(segment: Segment, values: Values, facts: ForwardFacts, without?: Accelerator): Values {
    let next = (given: Values): Values => runChecked(segment, given);
    for (const accelerator of [...this.accelerators].reverse()) {
      if (accelerator.aroundForward === undefined || accelerator === without) continue;
      const around = accelerator.aroundForward.bind(accelerator);
      const inner = next;
      next = (given) => around(segment, given, facts, inner);
    }
    return next(values);
  }

  private runBackward(record: Kept, written: Gradients): Promise<Gradients> {
    let next = (given: Gradients): Promise<Gradients> => plainBackward(record, given);
    for (const accelerator of [...this.accelerators].reverse()) {
      if (accelerator.aroundBackward === undefined) continue;
      const around = accelerator.aroundBackward.bind(accelerator);
      const step: BackwardStep = {
        run: next,
        replay: () => {
          this.runForward(record, accelerator);
        },
      };
      next = (given) => around(record.segment, given, step);
    }
    return next(written);
  }

  /** Whether a later segment, or the caller, reads the value that is there after segment `index`. */
  private isNeeded(name: string, index: number): boolean {
    for (const segment of this.segments.slice(index + 1)) {
      if (segment.reads.includes(name)) return true;
      if (segment.writes.includes(name)) return false;
    }
    return this.segments.at(-1)?.writes.includes(name) === true;
  }

  private async letOthersRun(): Promise<void> {
    if (performance.now() - this.lastYield < YIELD_AFTER_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.lastYield = performance.now();
  }
}

/** Backward of one segment, from the gradients of what it wrote to those of what it read. */
async function plainBackward(
  { segment, leaves, scope, written }: Kept,
  given: Gradients,
): Promise<Gradients> {
  const outputs: Tensor[] = [];
  const grads: Tensor[] = [];
  for (const name of segment.writes) {
    const output = written[name];
    const gradient = given[name];
    if (output === undefined || gradient === undefined || !output.requiresGrad) continue;
    outputs.push(output);
    grads.push(gradient);
  }
  if (outputs.length === 0) {
    // Nothing of what it wrote matters to the loss; but a graph that was never made must not pass for that.
    const isWanted =
      segment.parameters.some(({ storage }) => storage.requiresGrad) ||
      Object.values(leaves).some((leaf) => leaf.requiresGrad);
    if (
      isWanted &&
      Object.keys(given).length > 0 &&
      Object.values(written).every((value) => !value.requiresGrad)
    )
      throw segmentWithoutGraph(segment.name);
    return {};
  }
  await backward(outputs, grads);
  return scope.run(() => gradientsOf(leaves));
}

function gradientsOf(leaves: Values): Gradients {
  const found: Record<string, Tensor> = {};
  for (const [name, leaf] of Object.entries(leaves)) {
    const gradient = leaf.requiresGrad ? leaf.grad : undefined;
    if (gradient !== undefined) found[name] = gradient;
  }
  return found;
}
