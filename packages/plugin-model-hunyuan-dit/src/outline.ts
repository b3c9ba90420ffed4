import type { Resolution, Values } from "@hyfw/core";
import { type DType, empty, type Tensor } from "@hyfw/native";
import { SINUSOID_WIDTH } from "@hyfw/nn";
import { tokenGrid } from "./conditions.js";
import { type NetworkShape, SIZE_NUMBERS } from "./network/shape.js";
import type { Preparation } from "./prepare.js";

/** What `prepareBatch` gives for so many samples of a resolution, as shapes and types on `meta`. */
export function outlineBatch(
  samples: number,
  resolution: Resolution,
  { latents, textEncoder }: Pick<Preparation, "latents" | "textEncoder">,
  shape: NetworkShape,
): Values {
  const grid = tokenGrid(resolution, latents.cellSize);
  const headSize = shape.hiddenSize / shape.numHeads;
  const { textLen, textLenT5, textStatesDim, textStatesDimT5 } = shape;
  const on = (sizes: readonly number[], dtype: DType = "float32"): Tensor =>
    empty(sizes, { device: "meta", dtype });
  const ids = (length: number): Tensor => on([samples, length], "int64");
  return {
    xt: on([
      samples,
      latents.channels,
      resolution.height / latents.cellSize,
      resolution.width / latents.cellSize,
    ]),
    tSinusoid: on([samples, SINUSOID_WIDTH]),
    ...(shape.sizeCond && { sizeSinusoid: on([samples, SIZE_NUMBERS * SINUSOID_WIDTH]) }),
    cos: on([grid.height * grid.width, headSize]),
    sin: on([grid.height * grid.width, headSize]),
    textMask: on([samples, textLen + textLenT5, 1], "bool"),
    ...(textEncoder.trained
      ? {
          inputIds: ids(textLen),
          attentionMask: ids(textLen),
          inputIdsT5: ids(textLenT5),
          attentionMaskT5: ids(textLenT5),
        }
      : {
          textStates: on([samples, textLen, textStatesDim]),
          textStatesT5: on([samples, textLenT5, textStatesDimT5]),
        }),
  };
}
