import { noGrad, Scope, type Tensor } from "@hyfw/native";
import type { Sharding } from "../hooks/accelerator.js";
import type { ParameterSlot } from "../hooks/model.js";

/** Averaged weights beside those that are trained: what one draws with and publishes. */
export interface WeightAverage {
  /** Updates so far. */
  readonly count: number;
  /** What it keeps from step to step. */
  readonly held: readonly Tensor[];
  /** Follows the weights, after an optimizer step. */
  update(): void;
  /** Copies saved averages in; absent where they follow from other state. */
  restore?(tensors: Readonly<Record<string, Tensor>>, count: number): void;
  /** The average of one parameter that this process updates; where it has to be made, in the current scope. */
  of(slot: ParameterSlot): Tensor;
  /** Runs `work` with the averages in front of the weights, as for drawing pictures. */
  inFront<Result>(work: () => Promise<Result>): Promise<Result>;
  dispose(): void;
}

/** Where averages come from: an optimizer's `averageOf`, and its steps. */
export interface AverageSource {
  of(slot: ParameterSlot): Tensor;
  count(): number;
}

/** What an optimizer that trains at other weights gives as theirs, made when it is asked for. */
export class OptimizerAverage implements WeightAverage {
  readonly held = [];

  constructor(
    private readonly parameters: readonly ParameterSlot[],
    private readonly source: AverageSource,
    private readonly sharding?: Sharding,
  ) {}

  get count(): number {
    return this.source.count();
  }

  update(): void {
    // The optimizer's own step did it.
  }

  of(slot: ParameterSlot): Tensor {
    return noGrad(() => this.source.of(slot));
  }

  async inFront<Result>(work: () => Promise<Result>): Promise<Result> {
    using scope = new Scope();
    const averages = new Map<ParameterSlot, Tensor>(
      this.parameters.map((slot) => [slot, scope.run(() => onDevice(this.of(slot), slot))]),
    );
    return await withInFront(this.parameters, averages, this.sharding, work);
  }

  dispose(): void {
    // It keeps nothing.
  }
}

/** Runs `work` with other numbers in front of the weights. */
export async function withInFront<Result>(
  parameters: readonly ParameterSlot[],
  numbers: ReadonlyMap<ParameterSlot, Tensor>,
  sharding: Sharding | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  if (sharding !== undefined) return sharding.inFront((slot) => averageOf(numbers, slot), work);
  for (const slot of parameters) slot.substitute(numbers.get(slot));
  try {
    return await work();
  } finally {
    for (const slot of parameters) slot.substitute(undefined);
  }
}

/** @throws for a slot that this process does not update */
export function averageOf(numbers: ReadonlyMap<ParameterSlot, Tensor>, slot: ParameterSlot): Tensor {
  const found = numbers.get(slot);
  if (found === undefined) throw new Error(`${slot.name} has no moving average`);
  return found;
}

/** An average lies where the optimizer's state does, which may be host memory. */
function onDevice(tensor: Tensor, { storage }: ParameterSlot): Tensor {
  const { device } = storage;
  return device === "meta" || tensor.device === device ? tensor : tensor.to({ device });
}
