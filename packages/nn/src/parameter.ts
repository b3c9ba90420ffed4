import { type DeviceName, type DType, empty, noGrad, type Tensor, tidy } from "@hyfw/native";
import { substituteShape } from "./errors.js";
import type { Init } from "./init.js";
import { initKey } from "./key.js";
import { checkLowRank, type LowRank } from "./low-rank.js";

/** Where a parameter is made: device, and the seed that its first numbers depend on beside its name. */
export interface Birth {
  /** `meta` makes names and shapes without numbers. */
  readonly device: DeviceName | "meta";
  readonly seed: number;
}

/** What other code may do with a parameter. */
export interface ParameterTraits {
  /** Whether weight decay applies. */
  readonly decays: boolean;
  /** Whether reduced precision may cast it. */
  readonly castable: boolean;
}

/**
 * A named place for one trained array. Modules ask it for its tensor each time they run, so that precision, sharding
 * and offloading change what is behind it and no module changes.
 */
export class Parameter {
  readonly storage: Tensor;
  readonly decays: boolean;
  readonly castable: boolean;
  /** What an adapter adds to the linear layer of this weight. */
  private lowRank: LowRank | undefined;
  private front: Tensor;
  private frontDtype: DType = "float32";

  /** @param name the full dotted name, as in the model file; initial numbers depend on it */
  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    init: Init,
    { device, seed }: Birth,
    { decays, castable }: ParameterTraits,
  ) {
    this.decays = decays;
    this.castable = castable;
    this.storage =
      device === "meta"
        ? empty(shape, { device }).keep()
        : tidy(() => noGrad(() => init({ shape, key: initKey(seed, name), device })))
            .keep()
            .setRequiresGrad();
    this.front = this.storage;
  }

  /** What modules compute with: the substitute while there is one, else `storage`. */
  tensor(): Tensor {
    return this.front;
  }
  /** Element type of `tensor()`, without asking the addon. */
  get dtype(): DType {
    return this.frontDtype;
  }
  /**
   * Puts another tensor in front of `storage` until called with `undefined`; the caller owns it.
   * @throws HYFW_NN_SUBSTITUTE when its shape is another
   */
  substitute(tensor: Tensor | undefined): void {
    if (tensor !== undefined && tensor.shape.join() !== this.shape.join())
      throw substituteShape(this.name, this.shape, tensor.shape);
    this.front = tensor ?? this.storage;
    this.frontDtype = this.front.dtype;
  }
  /** The low-rank term beside this weight, if one was put there. */
  get adapter(): LowRank | undefined {
    return this.lowRank;
  }
  /** Adds a low-rank term to the linear layer of this weight until called with `undefined`. @throws HYFW_NN_ADAPT */
  adapt(lowRank: LowRank | undefined): void {
    if (lowRank !== undefined) checkLowRank(this, lowRank);
    this.lowRank = lowRank;
  }
  /** Frees the array; the parameter is of no use afterwards. */
  dispose(): void {
    this.storage.dispose();
  }
}
