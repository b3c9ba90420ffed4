import { layerNorm, type Tensor } from "@hyfw/native";
import { Linear, Module, type Place, within, zeroInit } from "@hyfw/nn";
import { type NetworkShape, outChannels, PATCH_SIZE } from "./shape.js";

/** Layer norm without weights, shift and scale by the condition, and one linear layer from tokens to patches. */
export class FinalLayer extends Module {
  readonly linear: Linear;
  readonly modulation: Linear;
  private readonly size: readonly number[];

  constructor(place: Place, shape: NetworkShape) {
    super(place);
    const { hiddenSize } = shape;
    const zero = { weight: zeroInit };
    this.size = [hiddenSize];
    this.linear = this.child(
      new Linear(within(place, "linear"), hiddenSize, PATCH_SIZE ** 2 * outChannels(shape), zero),
    );
    this.modulation = this.child(
      new Linear(within(place, "adaLN_modulation.1"), hiddenSize, 2 * hiddenSize, zero),
    );
  }

  /** @param x [B, L, D]; @param cSilu SiLU(c), [B, D]. @returns [B, L, P·P·channels], channels fastest */
  forward(x: Tensor, cSilu: Tensor): Tensor {
    const [shift, scale] = this.modulation.forward(cSilu).unsqueeze(1).chunk(2, 2) as [Tensor, Tensor];
    const normed = layerNorm(x, this.size, undefined, undefined, 1e-6);
    return this.linear.forward(normed.mul(scale.add(1)).add(shift));
  }
}

/** Tokens back to a picture: [B, L, P·P·C] in reading order to [B, C, H, W]. */
export function unpatchify(tokens: Tensor, height: number, width: number): Tensor {
  const [batch = 0, , size = 0] = tokens.shape;
  const p = PATCH_SIZE;
  const channels = size / (p * p);
  return tokens
    .reshape([batch, height / p, width / p, p, p, channels])
    .permute([0, 5, 1, 3, 2, 4]) // [B, C, H/P, P, W/P, P]
    .reshape([batch, channels, height, width]);
}
