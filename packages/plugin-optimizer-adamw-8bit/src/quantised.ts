import { callTensorOp, cat, fromTypedArray, type Tensor, zeros } from "@hyfw/native";
import { codeBook } from "./code-book.js";
import { lookedUpPlaces, type Places, searchedPlaces } from "./places.js";

/** Numbers that share a scale. */
export const BLOCK = 256;

/** An array in 8 bits per number. */
export interface Quantised {
  /** Places in the code book, uint8, shaped as the array. */
  readonly codes: Tensor;
  /** The largest magnitude of each block of 256, float32. */
  readonly scales: Tensor;
}

/** Below every scale that is not 0, so that a block of zeros can be divided by it. */
const LEAST_SCALE = 1e-37;

/** Turns numbers into codes and back, on one device. */
export class Codec {
  private readonly book: Tensor;
  private readonly places: Places;

  /**
   * @param isSigned for means of gradients; means of squares have no sign, and never get code 0: a square that is small
   * beside its block's largest would become 0, and the step that is divided by its root without bound
   */
  constructor(
    private readonly isSigned: boolean,
    device: Tensor["device"],
  ) {
    const book = codeBook(isSigned);
    const made = fromTypedArray(book, [book.length]);
    // Nothing is ever computed on meta.
    const isHere = device === "cpu" || device === "meta";
    this.book = (isHere ? made : made.to({ device })).keep();
    this.places = isHere ? lookedUpPlaces(isSigned) : searchedPlaces(isSigned, device);
  }

  /** The state of an array of zeros. */
  zeros(shape: readonly number[], device: Tensor["device"]): Quantised {
    const blocks = Math.ceil(shape.reduce((product, side) => product * side, 1) / BLOCK);
    return {
      codes: zeros(shape, { dtype: "uint8", device }).keep(),
      scales: zeros([blocks], { device }).keep(),
    };
  }

  /** The numbers of whole blocks. @param codes [n] @param scales [n / 256, rounded up] @returns [n], float32 */
  decode({ codes, scales }: Quantised): Tensor {
    const places = codes.to({ dtype: "int32" });
    const shares = inBlocks(this.book.indexSelect(0, places));
    return shares.mul(scales.unsqueeze(1)).reshape([-1]).narrow(0, 0, codes.numel);
  }

  /** Writes numbers over a state. @param numbers [n], float32 */
  encode(numbers: Tensor, { codes, scales }: Quantised): void {
    const blocks = inBlocks(numbers);
    scales.copy_(callTensorOp("aten::amax", blocks.abs(), [1]));
    const shares = blocks.div(scales.clamp(LEAST_SCALE, undefined).unsqueeze(1));
    const places = this.places.of(shares);
    const kept = this.isSigned ? places : places.clamp(1, undefined);
    codes.copy_(kept.reshape([-1]).narrow(0, 0, codes.numel));
  }

  dispose(): void {
    this.book.dispose();
    this.places.dispose();
  }
}

/** [n] as [blocks, 256], filled up with zeros. */
function inBlocks(flat: Tensor): Tensor {
  const missing = Math.ceil(flat.numel / BLOCK) * BLOCK - flat.numel;
  const whole = missing === 0 ? flat : cat([flat, zeros([missing], { device: flat.device })], 0);
  return whole.reshape([-1, BLOCK]);
}
