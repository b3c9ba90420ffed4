import { callOp, cat, noGrad, type Tensor, tidy, zeros } from "@hyfw/native";
import { gradientAbsent } from "../errors/world.js";
import type { ParameterSlot, Segment } from "../hooks/model.js";

/** Parameters that travel together: flattened one behind the other, filled up so that processes share it evenly. */
export class FlatBucket {
  /** First element of each slot, in the order of `slots`. */
  readonly starts: readonly number[];
  /** Elements of all slots. */
  readonly numel: number;
  /** With the filling: a multiple of `parts`. */
  readonly padded: number;

  /** @param parts number of processes that share it */
  constructor(
    readonly name: string,
    readonly slots: readonly ParameterSlot[],
    readonly parts: number,
  ) {
    const starts: number[] = [];
    let at = 0;
    for (const { shape } of slots) {
      starts.push(at);
      at += elements(shape);
    }
    this.starts = starts;
    this.numel = at;
    this.padded = Math.ceil(at / parts) * parts;
  }

  /** One tensor per slot in one flat one; kept, the caller disposes of it. */
  flatten(tensors: readonly Tensor[]): Tensor {
    return tidy(() =>
      noGrad(() => {
        const rows = tensors.map((one) => one.detach().reshape([-1]).float());
        const [first] = rows;
        const filling = this.padded - this.numel;
        if (filling > 0 && first !== undefined) rows.push(zeros([filling], { device: first.device }));
        return cat(rows, 0);
      }),
    ).keep();
  }

  /** Gradients of the slots, flattened; theirs are gone after. @throws HYFW_GRADIENT_ABSENT */
  takeGradients(from: (slot: ParameterSlot) => Tensor = ({ storage }) => storage): Tensor {
    return tidy(() => {
      const grads = this.slots.map((slot) => from(slot).grad);
      const absent = this.slots.filter((_slot, index) => grads[index] === undefined);
      if (absent.length > 0)
        throw gradientAbsent(
          this.name,
          absent.map(({ name }) => name),
        );
      const flat = this.flatten(grads.flatMap((grad) => grad ?? []));
      for (const slot of this.slots) from(slot).setGrad(undefined);
      return flat;
    });
  }

  /** A view of a flat tensor per slot, shaped as the slot, in the current scope. */
  views(flat: Tensor): Tensor[] {
    return noGrad(() =>
      this.slots.map(({ shape }, index) =>
        flat
          .detach()
          .narrow(0, this.starts[index] ?? 0, elements(shape))
          .reshape(shape),
      ),
    );
  }

  /** Copies a flat tensor into one tensor per slot. */
  spread(flat: Tensor, into: readonly Tensor[]): void {
    tidy(() =>
      noGrad(() => {
        callOp(
          "aten::_foreach_copy_",
          into.map((one) => one.detach()),
          this.views(flat),
        );
      }),
    );
  }
}

/**
 * The trained parameters of a model by segment, each once: one that several segments use counts for the first, whose
 * backward comes last.
 */
export function bucketsOf(segments: readonly Segment[], parts: number): FlatBucket[] {
  const seen = new Set<ParameterSlot>();
  const buckets: FlatBucket[] = [];
  for (const { name, parameters } of segments) {
    const own = parameters.filter((slot) => slot.storage.requiresGrad && !seen.has(slot));
    for (const slot of own) seen.add(slot);
    if (own.length > 0) buckets.push(new FlatBucket(name, own, parts));
  }
  return buckets;
}

/** Numbers in an array of a shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
