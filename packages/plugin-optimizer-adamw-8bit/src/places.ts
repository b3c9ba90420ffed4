import { callTensorOp, type DeviceName, fromTypedArray, type Tensor } from "@hyfw/native";
import { codeBook, midpoints } from "./code-book.js";

/** Bits of a float32 that are dropped: what stays is sign, exponent and the first nine bits of the fraction. */
const SHIFT = 14;
/** Keys of negative numbers lie below 0 by as many. */
const NEGATIVES = 2 ** (31 - SHIFT);

/** Finds the code nearest to each number of [-1, 1] or [0, 1]: its place in the rising code book, int32. */
export interface Places {
  of(numbers: Tensor): Tensor;
  dispose(): void;
}

/** Rounds at the middles of neighbours, by a search among them: one op, and what a GPU is good at. */
export function searchedPlaces(isSigned: boolean, device: DeviceName): Places {
  const middles = placed(midpoints(codeBook(isSigned)), device);
  return {
    of: (numbers) => callTensorOp("aten::bucketize.Tensor", numbers, middles, { out_int32: true }),
    dispose: () => middles.dispose(),
  };
}

/**
 * The same by two look-ups, for a CPU, where a search guesses each of its branches wrong: the leading bits of a number say
 * which code is the lowest that it may have, and the middle above that code, of which no two have the same leading bits,
 * whether it is the next.
 */
export function lookedUpPlaces(isSigned: boolean): Places {
  const plain = midpoints(codeBook(isSigned));
  const lowest = placed(lowestCodes(plain, isSigned), "cpu");
  const middles = placed(Float32Array.of(...plain, Number.POSITIVE_INFINITY), "cpu");
  return {
    of: (numbers) => {
      const bits = callTensorOp("aten::view.dtype", numbers.contiguous(), "int32").reshape([-1]);
      const keys = callTensorOp("aten::bitwise_right_shift.Tensor_Scalar", bits, SHIFT);
      const codes = lowest.indexSelect(0, isSigned ? keys.add(NEGATIVES) : keys);
      const above = callTensorOp("aten::gt.Tensor", numbers.reshape([-1]), middles.indexSelect(0, codes));
      return callTensorOp("aten::add.Tensor", codes, above).reshape(numbers.shape);
    },
    dispose: () => {
      lowest.dispose();
      middles.dispose();
    },
  };
}

/** By key: how many middles lie below every number that has it. */
function lowestCodes(middles: Float32Array, isSigned: boolean): Int32Array {
  const one = new DataView(new ArrayBuffer(4));
  const numberOf = (bits: number): number => {
    one.setInt32(0, bits);
    return one.getFloat32(0);
  };
  one.setFloat32(0, 1);
  const positives = (one.getInt32(0) >> SHIFT) + 1;
  const below = (x: number): number => middles.reduce((count, middle) => count + (middle < x ? 1 : 0), 0);
  const codes = new Int32Array(positives + (isSigned ? NEGATIVES : 0));
  for (let key = 0; key < positives; key++) {
    codes[key + (isSigned ? NEGATIVES : 0)] = below(numberOf(key << SHIFT));
    // Among negative numbers the last bits of a key make the least one.
    if (isSigned) codes[key] = below(-numberOf((key << SHIFT) | (2 ** SHIFT - 1)));
  }
  return codes;
}

function placed(numbers: Float32Array | Int32Array, device: DeviceName): Tensor {
  const made = fromTypedArray(numbers, [numbers.length]);
  return (device === "cpu" ? made : made.to({ device })).keep();
}
