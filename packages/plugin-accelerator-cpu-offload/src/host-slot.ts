import type { ParameterSlot } from "@hyfw/core";
import { type DType, emptyOnHost, noGrad, type Tensor, tidy } from "@hyfw/native";

/**
 * A parameter as the optimizer sees it: float32 in host memory. Where the parameter lies there already, the slot is
 * that very memory, unless `mustCopy` asks for a copy all the same.
 */
export class HostSlot implements ParameterSlot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly decays: boolean;
  readonly castable: boolean;
  readonly storage: Tensor;
  /** Whether `storage` is memory of its own. */
  readonly isCopy: boolean;
  /** Where gradients arrive; absent where the parameter's own will do. */
  private readonly gradient: Tensor | undefined;
  private readonly mustCopy: boolean;

  constructor(
    readonly source: ParameterSlot,
    { gradientType, mustCopy }: { readonly gradientType: DType; readonly mustCopy: boolean },
  ) {
    const { name, shape, decays, castable } = source;
    this.name = name;
    this.shape = shape;
    this.decays = decays;
    this.castable = castable;
    this.mustCopy = mustCopy;
    this.isCopy = mustCopy || source.storage.device !== "cpu";
    this.storage = this.isCopy ? emptyOnHost(shape).keep() : source.storage.alias().keep();
    this.gradient = this.isCopy ? emptyOnHost(shape, gradientType).keep() : undefined;
  }

  tensor(): Tensor {
    return this.storage;
  }
  substitute(): void {
    throw new TypeError(`${this.name} in host memory is updated, never computed with`);
  }

  /** Pairs to copy so that this slot has the parameter's gradient; none where it is the same memory. */
  gradientCopy(): { readonly target: Tensor; readonly source: Tensor } | undefined {
    const given = this.source.storage.grad;
    const isThere = given?.device === "cpu" && !this.mustCopy;
    if (given === undefined || this.gradient === undefined || isThere) {
      this.storage.setGrad(given);
      return undefined;
    }
    this.storage.setGrad(this.gradient);
    return { target: this.gradient, source: given };
  }

  /** Takes the parameter's numbers over. */
  refresh(): void {
    if (!this.isCopy) return;
    tidy(() => {
      noGrad(() => this.storage.copy_(this.source.storage.detach()));
    });
  }

  dispose(): void {
    this.storage.dispose();
    this.gradient?.dispose();
  }
}
