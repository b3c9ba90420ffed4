import type { Optimizer, OptimizerStep, ParameterSlot } from "@hyfw/core";
import { copyBeside, finishCopies, orderAfterCopies, Scope, type Tensor } from "@hyfw/native";
import type { HostSlot } from "./host-slot.js";

/** Parameters that are copied and updated together. */
export interface Group {
  readonly slots: readonly HostSlot[];
  readonly optimizer: Optimizer;
}

/**
 * An optimizer over host memory, in groups: gradients of all groups start on their way at once; each group is updated
 * when its own have arrived, and its weights travel back while the next group is updated. Without a GPU every copy is
 * done when it is asked for, or needs none.
 */
export class OffloadedOptimizer implements Optimizer {
  /** Only of optimizers that train at other weights than one draws with. */
  readonly averageOf?: Optimizer["averageOf"];
  private isFresh = false;

  constructor(private readonly groups: readonly Group[]) {
    if (groups.some(({ optimizer }) => optimizer.averageOf !== undefined))
      this.averageOf = (slot) => this.average(slot);
  }

  async step(order: OptimizerStep): Promise<void> {
    // Weights may have been loaded since the slots were made.
    if (!this.isFresh) for (const { slots } of this.groups) for (const slot of slots) slot.refresh();
    this.isFresh = true;
    using scope = new Scope();
    const arrivals = this.groups.map(({ slots }) =>
      start(scope.run(() => slots.flatMap((slot) => slot.gradientCopy() ?? []))),
    );
    const departures: number[] = [];
    for (const [index, { slots, optimizer }] of this.groups.entries()) {
      await finish(arrivals[index]);
      await scope.run(() => optimizer.step(order));
      const back = slots
        .filter(({ isCopy }) => isCopy)
        .map(({ storage, source }) => ({
          target: scope.run(() => source.storage.detach()),
          source: scope.run(() => storage.detach()),
        }));
      const ticket = start(back);
      if (ticket !== undefined) departures.push(ticket);
      for (const { storage } of slots) storage.setGrad(undefined);
    }
    for (const ticket of departures) orderAfterCopies(ticket);
  }

  state(): ReturnType<Optimizer["state"]> {
    const states = this.groups.map(({ optimizer }) => optimizer.state());
    return {
      tensors: Object.assign({}, ...states.map(({ tensors }) => tensors)),
      // Each group counts the same steps.
      counters: states[0]?.counters ?? {},
    };
  }

  restore({ tensors, counters }: Parameters<Optimizer["restore"]>[0]): void {
    for (const { optimizer } of this.groups) {
      const own = Object.keys(optimizer.state().tensors);
      const given = own.flatMap((name): [string, Tensor][] => {
        const tensor = tensors[name];
        return tensor === undefined ? [] : [[name, tensor]];
      });
      optimizer.restore({ tensors: Object.fromEntries(given), counters });
    }
    this.isFresh = false;
  }

  describe(): string {
    const [first] = this.groups;
    const count = this.groups.length;
    return `${first?.optimizer.describe() ?? "none"}, in host memory, in ${count} group${count === 1 ? "" : "s"}`;
  }

  /** The average of a parameter, from the slot that stands for it in host memory. */
  private average({ name }: ParameterSlot): Tensor {
    for (const { slots, optimizer } of this.groups) {
      const slot = slots.find((one) => one.name === name);
      if (slot !== undefined && optimizer.averageOf !== undefined) return optimizer.averageOf(slot);
    }
    throw new RangeError(`${name} is in no group of the optimizer in host memory`);
  }
}

interface Copy {
  readonly target: Tensor;
  readonly source: Tensor;
}

function start(copies: readonly Copy[]): number | undefined {
  if (copies.length === 0) return undefined;
  return copyBeside(
    copies.map(({ target }) => target),
    copies.map(({ source }) => source),
  );
}

async function finish(ticket: number | undefined): Promise<void> {
  if (ticket !== undefined) await finishCopies(ticket);
}
