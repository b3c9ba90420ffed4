import { callTensorOp, type DeviceName, full, keyedNormal, type StreamKey, type Tensor } from "@hyfw/native";

/** What an initial array is drawn for. */
export interface InitFacts {
  readonly shape: readonly number[];
  readonly key: StreamKey;
  readonly device: DeviceName;
}

/** A rule for initial numbers: float32 of the asked shape. */
export type Init = (facts: InitFacts) => Tensor;

/** Every element 0. */
export const zeroInit: Init = ({ shape, device }) => full(shape, 0, { device });

/** Every element 1. */
export const oneInit: Init = ({ shape, device }) => full(shape, 1, { device });

/** Normal numbers with mean 0. @param std their standard deviation */
export function normalInit(std: number): Init {
  return ({ shape, key, device }) => keyedNormal([key], shape, { device }).reshape(shape).mul(std);
}

/** Even numbers between ± 1 / √(shape[1]): Kaiming uniform with a = √5, as a linear layer of PyTorch begins. */
export const kaimingUniformInit: Init = (facts) => evenNumbers(facts, 1 / Math.sqrt(facts.shape[1] ?? 1));

/**
 * Xavier uniform (Glorot & Bengio 2010, eq. 16): even between ±√(6 / (fanIn + fanOut)), where the array is seen as
 * [shape[0], everything else], as for a linear layer or a convolution that covers its input once.
 */
export const xavierUniformInit: Init = (facts) => {
  const fanOut = facts.shape[0] ?? 1;
  const fanIn = facts.shape.slice(1).reduce((product, size) => product * size, 1);
  return evenNumbers(facts, Math.sqrt(6 / (fanIn + fanOut)));
};

/** The normal distribution function makes even numbers of normal ones: Φ(z) = (1 + erf(z/√2)) / 2 is even in [0, 1]. */
function evenNumbers({ shape, key, device }: InitFacts, bound: number): Tensor {
  const normal = keyedNormal([key], shape, { device }).reshape(shape);
  return callTensorOp("aten::erf", normal.mul_(Math.SQRT1_2)).mul_(bound);
}
