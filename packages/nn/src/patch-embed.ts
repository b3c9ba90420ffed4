import type { Tensor } from "@hyfw/native";
import { xavierUniformInit, zeroInit } from "./init.js";
import { Module, type Place, TRAITS } from "./module.js";
import { tapedLinear } from "./output-tape.js";
import type { Parameter } from "./parameter.js";
import { withDtype } from "./with-dtype.js";

/** Sizes of a patch embedding. */
export interface PatchEmbedSizes {
  readonly channels: number;
  /** Side P of a patch, in cells. */
  readonly patchSize: number;
  readonly hiddenSize: number;
}

/**
 * A P×P convolution with stride P, computed as what it is: one linear layer over the cells of each patch. The weight
 * keeps the convolution's shape [D, C, P, P].
 */
export class PatchEmbed extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    place: Place,
    private readonly sizes: PatchEmbedSizes,
  ) {
    super(place);
    const { channels, patchSize, hiddenSize } = sizes;
    this.weight = this.parameter(
      "weight",
      [hiddenSize, channels, patchSize, patchSize],
      xavierUniformInit,
      TRAITS.linear,
    );
    this.bias = this.parameter("bias", [hiddenSize], zeroInit, TRAITS.linearBias);
  }

  /** @param x [B, C, H, W], H and W multiples of P. @returns tokens in reading order, [B, (H/P)·(W/P), D] */
  forward(x: Tensor): Tensor {
    const { channels, patchSize: p, hiddenSize } = this.sizes;
    const [batch = 0, , height = 0, width = 0] = x.shape;
    const rows = height / p;
    const columns = width / p;
    const patches = withDtype(x, this.weight.dtype)
      .reshape([batch, channels, rows, p, columns, p])
      .permute([0, 2, 4, 1, 3, 5])
      .reshape([batch, rows * columns, channels * p * p]); // [B, L, C·P·P]
    return tapedLinear(
      patches,
      this.weight.tensor().reshape([hiddenSize, channels * p * p]),
      this.bias.tensor(),
    );
  }
}
