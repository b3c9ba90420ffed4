import type { ParameterSlot, ShardSlot } from "@hyfw/core";
import type { Tensor } from "@hyfw/native";

/** Where a stretch lies: in its parameter, and in this process's part of the flat unit. */
export interface StretchPlace {
  readonly start: number;
  readonly end: number;
  /** First element in the part. */
  readonly at: number;
}

/** A stretch of one parameter that this process updates, as the optimizer and the moving average see it. */
export class Stretch implements ShardSlot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
  /** First element in the process's part of the unit. */
  readonly at: number;
  readonly decays: boolean;
  readonly castable: boolean;

  /** @param storage [end - start], float32; what the optimizer changes */
  constructor(
    readonly whole: ParameterSlot,
    { start, end, at }: StretchPlace,
    readonly storage: Tensor,
  ) {
    this.name = whole.name;
    this.shape = [end - start];
    this.start = start;
    this.end = end;
    this.at = at;
    this.decays = whole.decays;
    this.castable = whole.castable;
  }

  get length(): number {
    return this.end - this.start;
  }
  tensor(): Tensor {
    return this.storage;
  }
  /** No module computes with a stretch. */
  substitute(): void {
    throw new Error(`${this.name}: a stretch has nothing in front of it`);
  }
}
