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
  /** Leaves numbers out: all of them are loaded before anybody reads one. */
  readonly isBlank?: boolean;
  /** Gives a frozen array instead of first numbers: no grad, any element type. See `loadFrozen`. */
  readonly source?: FrozenSource;
}

/** Gives the array of one parameter, kept: the parameter owns it. */
export type FrozenSource = (name: string, shape: readonly number[], traits: ParameterTraits) => Tensor;

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
  private readonly seed: number;
  /** What an adapter adds to the linear layer of this weight. */
  private lowRank: LowRank | undefined;
  private front: Tensor;
  private frontDtype: DType;

  /** @param name the full dotted name, as in the model file; initial numbers depend on it */
  constructor(
    readonly name: string,
    readonly shape: readonly number[],
    private readonly init: Init,
    birth: Birth,
    traits: ParameterTraits,
  ) {
    this.decays = traits.decays;
    this.castable = traits.castable;
    this.seed = birth.seed;
    this.storage = firstNumbers(name, shape, init, birth, traits);
    this.front = this.storage;
    this.frontDtype = this.storage.dtype;
  }

  /** Its initial numbers, made anew, in the current scope. */
  initial(device: DeviceName): Tensor {
    const { shape, name, seed } = this;
    return noGrad(() => this.init({ shape, key: initKey(seed, name), device }));
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

function firstNumbers(
  name: string,
  shape: readonly number[],
  init: Init,
  { device, seed, isBlank = false, source }: Birth,
  traits: ParameterTraits,
): Tensor {
  if (source !== undefined) return source(name, shape, traits);
  if (device === "meta" || isBlank) return empty(shape, { device }).keep().setRequiresGrad();
  return tidy(() => noGrad(() => init({ shape, key: initKey(seed, name), device })))
    .keep()
    .setRequiresGrad();
}
