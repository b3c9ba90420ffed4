import type {
  Accelerator,
  BackwardStep,
  Duty,
  ForwardFacts,
  Gradients,
  MicroStepFacts,
  Model,
  ParameterSlot,
  RunFacts,
  Segment,
  Sharding,
  ShardTensors,
  Values,
} from "@hyfw/core";
import { bucketsOf } from "@hyfw/core/engine";
import { noGrad, tidy } from "@hyfw/native";
import type { ZeroOptions } from "./options.js";
import { Unit } from "./unit.js";

/** Units whose gradients may be on their way at a time: enough to overlap, and bounded memory. */
const MAX_UNDERWAY = 2;

const OWN_WEIGHTS: ShardTensors = ({ storage }) => storage;

/**
 * ZeRO: every process updates an even part of each segment's parameters and keeps the optimizer state, the moving
 * average, from stage 2 the gradients and at stage 3 the weights of that part only.
 *
 * Gradients are reduced segment by segment while backward goes on: at stage 1 once per step, from stage 2 after every
 * micro-batch, since keeping only the own part is what that stage is for. Stages 1 and 2 put the updated weights
 * together after the update; stage 3 does so for one segment at a time, before its forward and its backward, and
 * fetches the next one's meanwhile.
 */
export class Zero implements Accelerator {
  readonly name = "zero";
  readonly duties: readonly Duty[] = ["sharding"];
  sharding: Sharding | undefined;
  private units: readonly Unit[] = [];
  /** Units that hold parameters of a segment; the first is the segment's own, where it has one. */
  private needs = new Map<string, readonly Unit[]>();
  private own = new Map<string, Unit>();
  private order: readonly Segment[] = [];
  private isLast = true;
  private underway: Promise<void>[] = [];
  /** What stands in front of all weights while pictures are drawn. */
  private shown: ShardTensors | undefined;
  /** The segment whose backward runs, in which a replayed forward must not free weights. */
  private inBackward: Segment | undefined;

  constructor(private readonly options: ZeroOptions) {}

  private get isWeightless(): boolean {
    return this.options.stage === 3;
  }

  makesWeights(worldSize: number): boolean {
    return this.isWeightless && worldSize > 1;
  }

  describe(): string {
    const spread = ["optimizer state and moving average", "gradients", "weights"].slice(
      0,
      this.options.stage,
    );
    return `ZeRO stage ${this.options.stage}: ${spread.join(", ")} spread over processes, where there are several`;
  }

  prepare({ segments }: Model, { group, device }: RunFacts): void {
    // A process that is alone has everything anyway.
    if (group === undefined) return;
    const facts = { group, device, isWeightless: this.isWeightless };
    this.units = bucketsOf(segments, group.worldSize).map((bucket) => new Unit(bucket, facts));
    if (this.isWeightless) for (const unit of this.units) unit.fillShard();
    this.order = segments;
    this.own = new Map(this.units.map((unit) => [unit.name, unit]));
    const unitOf = new Map<ParameterSlot, Unit>(
      this.units.flatMap((unit) => unit.bucket.slots.map((slot) => [slot, unit] as const)),
    );
    this.needs = new Map(
      segments.map(({ name, parameters }) => {
        const found = parameters.flatMap((slot) => unitOf.get(slot) ?? []);
        return [name, [...new Set(found)]];
      }),
    );
    this.sharding = {
      slots: this.units.flatMap(({ stretches }) => stretches),
      isWeightless: this.isWeightless,
      gather: async (of, take) => {
        for (const unit of this.units)
          await unit.gather(of, (full) =>
            tidy(() => {
              const { slots } = unit.bucket;
              for (const [index, view] of unit.bucket.views(full).entries()) {
                const slot = slots[index];
                if (slot !== undefined) take(slot, view);
              }
            }),
          );
      },
      inFront: async (of, work) => {
        this.shown = of;
        try {
          return await work();
        } finally {
          this.shown = undefined;
        }
      },
    };
  }

  beginMicroStep({ index, count }: MicroStepFacts): void {
    this.isLast = index === count - 1;
  }

  async beforeForward(segment: Segment): Promise<void> {
    const of = this.source();
    if (of === undefined) return;
    for (const unit of this.needed(segment)) await unit.ready(of);
    this.fetchAhead(segment, 1, of);
  }

  aroundForward(
    segment: Segment,
    values: Values,
    { training }: ForwardFacts,
    next: (values: Values) => Values,
  ): Values {
    if (this.source() === undefined || this.inBackward === segment) return next(values);
    const units = this.needed(segment);
    for (const unit of units) unit.showFronts(training);
    try {
      return next(values);
    } finally {
      for (const unit of units) {
        unit.hideFronts();
        if (!training) unit.drop();
        // The last segment's backward comes right after.
        else if (segment !== this.order.at(-1)) unit.empty();
      }
    }
  }

  async aroundBackward(segment: Segment, written: Gradients, step: BackwardStep): Promise<Gradients> {
    if (this.units.length === 0) return step.run(written);
    const unit = this.own.get(segment.name);
    if (!this.isWeightless) {
      const read = await step.run(written);
      if (unit !== undefined && (this.isLast || this.options.stage > 1)) await this.reduce(unit);
      return read;
    }
    const units = this.needed(segment);
    for (const one of units) await one.ready(OWN_WEIGHTS);
    this.fetchAhead(segment, -1, OWN_WEIGHTS);
    for (const one of units) one.showFronts(true);
    this.inBackward = segment;
    let read: Gradients;
    try {
      read = await step.run(written);
    } finally {
      this.inBackward = undefined;
      for (const one of units) one.hideFronts();
    }
    for (const one of units) if (one !== unit) one.empty();
    if (unit === undefined) return read;
    await this.reduce(unit);
    unit.drop();
    return read;
  }

  async aroundUpdate(next: () => Promise<void>): Promise<void> {
    if (this.units.length === 0) return next();
    this.underway = [];
    for (const unit of this.units) await unit.showGradients();
    try {
      await next();
    } finally {
      for (const unit of this.units) unit.dropGradients();
    }
    if (!this.isWeightless) for (const unit of this.units) await unit.spread(OWN_WEIGHTS);
  }

  close(): void {
    for (const unit of this.units) unit.close();
    this.units = [];
  }

  /** Where weights are gathered from before a segment runs; `undefined` when they are all here. */
  private source(): ShardTensors | undefined {
    if (this.units.length === 0) return undefined;
    return this.shown ?? (this.isWeightless ? OWN_WEIGHTS : undefined);
  }

  private needed({ name }: Segment): readonly Unit[] {
    return this.needs.get(name) ?? [];
  }

  private fetchAhead(segment: Segment, direction: 1 | -1, of: ShardTensors): void {
    const place = this.order.indexOf(segment);
    for (let step = 1; step <= this.options.prefetch; step++) {
      const other = this.order[place + direction * step];
      if (other !== undefined) for (const unit of this.needed(other)) unit.fetch(of);
    }
  }

  private async reduce(unit: Unit): Promise<void> {
    if (this.underway.length >= MAX_UNDERWAY) await this.underway.shift();
    const done = noGrad(() => unit.reduce());
    done.catch(() => undefined);
    this.underway.push(done);
  }
}
