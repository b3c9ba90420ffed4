import { addon } from "./addon.js";
import { type DeviceName, type DType, dtypeCode } from "./dtype.js";
import { Tensor } from "./tensor.js";

const ops = addon.ops as Readonly<Record<string, (...args: unknown[]) => number>>;

/** The 64-bit key of one stream, as two uint32 words. */
export interface StreamKey {
  readonly low: number;
  readonly high: number;
}

/**
 * Normal numbers that depend on one key per sample and on the place in the sample only, never on batch place or
 * device: Philox 4x32-10 from (key, element number) and the Box-Muller transform in float32.
 * @param shape of one sample. @returns float32 [keys.length, ...shape]
 */
export function keyedNormal(
  keys: readonly StreamKey[],
  shape: readonly number[],
  { device = "cpu" }: { readonly device?: DeviceName } = {},
): Tensor {
  const words: number[] = [];
  for (const { low, high } of keys) words.push(low, high);
  return new Tensor(ops.keyedNormal(words, shape, device));
}

/** Seeds libtorch's default generators of all devices. hyfw's own chance is keyed and does not use them. */
export function manualSeed(seed: number): void {
  addon.manualSeed(seed);
}

/** State of libtorch's default generator of a device: what dropout and its like draw from. uint8 on the CPU. */
export function randomState(device: DeviceName = "cpu"): Tensor {
  return new Tensor(addon.defaultRandomState(device));
}

/** Puts a state of `randomState` back, so that the same numbers are drawn again. */
export function restoreRandomState(state: Tensor, device: DeviceName = "cpu"): void {
  addon.setDefaultRandomState(device, state.id);
}

/** One generator of one device, for ops that take no key. */
export class Generator {
  private readonly id: number;
  constructor(
    seed: number,
    readonly device: DeviceName = "cpu",
  ) {
    this.id = addon.newGenerator(device, seed);
  }
  /** The state, for `restore`: uint8 on the CPU. */
  state(): Tensor {
    return new Tensor(addon.generatorState(this.id));
  }
  restore(state: Tensor): void {
    addon.setGeneratorState(this.id, state.id);
  }
  /** Standard normal numbers, in order of drawing. */
  normal(shape: readonly number[], dtype: DType = "float32"): Tensor {
    return new Tensor(ops.randn(shape, this.id, dtypeCode(dtype), this.device));
  }
  /** Numbers in [0, 1), in order of drawing. */
  uniform(shape: readonly number[], dtype: DType = "float32"): Tensor {
    return new Tensor(ops.rand(shape, this.id, dtypeCode(dtype), this.device));
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  dispose(): void {
    addon.dropGenerator(this.id);
  }
}
