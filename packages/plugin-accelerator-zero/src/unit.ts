import type { ParameterSlot, ShardTensors } from "@hyfw/core";
import type { FlatBucket } from "@hyfw/core/engine";
import {
  cat,
  type DeviceName,
  empty,
  fillStorage,
  freeStorage,
  noGrad,
  type ProcessGroup,
  Scope,
  storageBytes,
  type Tensor,
  tidy,
  untracked,
  zeros,
} from "@hyfw/native";
import { withoutFirstNumbers } from "./errors.js";
import { Stretch, type StretchPlace } from "./shard-slot.js";

/** Who shares a unit. */
export interface UnitFacts {
  readonly group: ProcessGroup;
  readonly device: DeviceName;
  /** Whether whole parameters exist only while a segment runs. */
  readonly isWeightless: boolean;
}

/**
 * The parameters of one segment as one flat array that processes share: each keeps, updates and saves one even part
 * of it, in stretches of single parameters.
 */
export class Unit {
  /** Elements of one process's part. */
  readonly part: number;
  /** This process's stretches. */
  readonly stretches: readonly Stretch[];
  /** Gradients of the part, mean over processes; once reduced. */
  private grads: Tensor | undefined;
  private reducing: Promise<void> = Promise.resolve();
  /** All parameters, flat: memory that comes and goes. */
  private full: Tensor | undefined;
  private bytes = 0;
  private coming: Promise<void> | undefined;
  private isFull = false;
  /** Views of `full` that segments compute with and that gradients land on. */
  private fronts: readonly Tensor[] | undefined;
  /** The part's weights, where no process has them all. */
  private readonly shard: Tensor | undefined;

  constructor(
    readonly bucket: FlatBucket,
    private readonly facts: UnitFacts,
  ) {
    this.part = bucket.padded / facts.group.worldSize;
    const places = this.places();
    if (facts.isWeightless) this.shard = zeros([this.part], { device: facts.device }).keep();
    const { shard } = this;
    this.stretches = places.map(([slot, place]) => {
      const storage = tidy(() =>
        noGrad(() =>
          shard === undefined
            ? slot.storage
                .detach()
                .reshape([-1])
                .narrow(0, place.start, place.end - place.start)
            : shard.narrow(0, place.at, place.end - place.start),
        ),
      ).keep();
      return new Stretch(slot, place, storage);
    });
  }

  get name(): string {
    return this.bucket.name;
  }

  /** Gives the part its first numbers, one parameter at a time. */
  fillShard(): void {
    for (const { whole, start, length, storage } of this.stretches)
      tidy(() =>
        noGrad(() => {
          const { device } = this.facts;
          const isBorn = whole.storage.device !== "meta";
          const numbers = isBorn ? whole.storage.detach() : whole.initial?.(device);
          if (numbers === undefined) throw withoutFirstNumbers(whole.name);
          storage.copy_(numbers.reshape([-1]).narrow(0, start, length));
        }),
      );
  }

  /** Starts to put all parameters together, unless that is under way or done. */
  fetch(of: ShardTensors): void {
    if (this.coming !== undefined) return;
    const { group, device } = this.facts;
    if (this.full === undefined) {
      this.full = empty([this.bucket.padded], { device }).keep();
      this.bytes = storageBytes(this.full);
    } else fillStorage(this.full, this.bytes);
    // Backward saved views of this memory; filling it again is no change of them.
    const target = untracked(this.full).keep();
    const own = this.flatPart(of);
    this.coming = group.allGather(target, own).finally(() => {
      target.dispose();
      own.dispose();
    });
    // A failure is thrown where the parameters are needed; until then it must not count as unhandled.
    this.coming.catch(() => undefined);
  }

  /** Settles when all parameters are there. */
  async ready(of: ShardTensors): Promise<void> {
    this.fetch(of);
    await this.coming;
    this.isFull = true;
  }

  /** Puts the gathered parameters in front of their slots. @param withGrad whether gradients shall land on them */
  showFronts(withGrad: boolean): void {
    const { full } = this;
    if (full === undefined || !this.isFull) throw new Error(`the parameters of ${this.name} are not there`);
    this.fronts ??= this.makeFronts(full);
    if (withGrad) for (const front of this.fronts) front.setRequiresGrad();
    for (const [index, slot] of this.bucket.slots.entries()) slot.substitute(this.fronts[index]);
  }

  hideFronts(): void {
    for (const slot of this.bucket.slots) slot.substitute(undefined);
  }

  /** Frees the gathered numbers; graphs over them stay, and `fetch` brings them back. */
  empty(): void {
    if (this.full === undefined || !this.isFull) return;
    freeStorage(this.full);
    this.coming = undefined;
    this.isFull = false;
  }

  /** Frees everything that was gathered. */
  drop(): void {
    this.empty();
    for (const front of this.fronts ?? []) front.dispose();
    this.fronts = undefined;
    this.full?.dispose();
    this.full = undefined;
    this.coming = undefined;
  }

  /**
   * Takes the gradients that backward left, and starts to reduce them to this process's part, on top of those of
   * earlier micro-batches.
   * @returns settles when the flat array they travelled in is free
   */
  reduce(): Promise<void> {
    const { group, device } = this.facts;
    const { fronts } = this;
    const places = new Map(this.bucket.slots.map((slot, index) => [slot, fronts?.[index]]));
    const flat = this.bucket.takeGradients((slot) => places.get(slot) ?? slot.storage);
    const part = empty([this.part], { device }).keep();
    const reduced = group.reduceScatter(part, flat, "mean").finally(() => flat.dispose());
    const before = this.reducing;
    this.reducing = Promise.all([before, reduced]).then(() => this.add(part));
    this.reducing.catch(() => undefined);
    return reduced;
  }

  /** Hands the reduced gradients to the stretches, once they are there. */
  async showGradients(): Promise<void> {
    await this.reducing;
    const { grads } = this;
    if (grads === undefined) return;
    for (const { storage, at, length } of this.stretches)
      tidy(() => noGrad(() => storage.setGrad(grads.narrow(0, at, length))));
  }

  dropGradients(): void {
    for (const { storage } of this.stretches) storage.setGrad(undefined);
    this.grads?.dispose();
    this.grads = undefined;
  }

  /** Tells all processes what each has changed, in the model's own slots. */
  async spread(of: ShardTensors): Promise<void> {
    await this.gather(of, (full) =>
      this.bucket.spread(
        full,
        this.bucket.slots.map(({ storage }) => storage),
      ),
    );
  }

  /** Puts all parameters together for a moment. @param take borrows them, flat */
  async gather(of: ShardTensors, take: (full: Tensor) => void): Promise<void> {
    const { group, device } = this.facts;
    const own = this.flatPart(of);
    const full = empty([this.bucket.padded], { device }).keep();
    try {
      await group.allGather(full, own);
      take(full);
    } finally {
      own.dispose();
      full.dispose();
    }
  }

  close(): void {
    this.drop();
    this.dropGradients();
    this.shard?.dispose();
    for (const { storage } of this.stretches) storage.dispose();
  }

  private makeFronts(full: Tensor): Tensor[] {
    const scope = new Scope();
    const fronts = scope.run(() => this.bucket.views(untracked(full)));
    for (const front of fronts) front.keep();
    scope.dispose();
    return fronts;
  }

  /** This process's part, flat; the caller disposes of it. */
  private flatPart(of: ShardTensors): Tensor {
    return tidy(() =>
      noGrad(() => {
        const { device } = this.facts;
        const rows = this.stretches.map((stretch) => of(stretch).detach().reshape([-1]));
        const filled = this.stretches.reduce((sum, { length }) => sum + length, 0);
        if (filled < this.part) rows.push(zeros([this.part - filled], { device }));
        return cat(rows, 0);
      }),
    ).keep();
  }

  private add(part: Tensor): void {
    if (this.grads === undefined) this.grads = part;
    else {
      this.grads.add_(part);
      part.dispose();
    }
  }

  /** Which stretches of which slots lie in this process's part. */
  private places(): [ParameterSlot, StretchPlace][] {
    const { slots, starts, numel } = this.bucket;
    const first = this.facts.group.rank * this.part;
    const places: [ParameterSlot, StretchPlace][] = [];
    for (const [index, slot] of slots.entries()) {
      const begin = starts[index] ?? 0;
      const end = starts[index + 1] ?? numel;
      const from = Math.max(begin, first);
      const to = Math.min(end, first + this.part);
      if (from < to) places.push([slot, { start: from - begin, end: to - begin, at: from - first }]);
    }
    return places;
  }
}
