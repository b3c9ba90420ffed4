import { callTensorOp, layerNorm, type Tensor } from "@hyfw/native";
import { oneInit, zeroInit } from "./init.js";
import { Module, type Place } from "./module.js";
import type { Parameter } from "./parameter.js";
import { withDtype } from "./with-dtype.js";

/** A norm over the last dimension. */
export interface Norm extends Module {
  forward(x: Tensor): Tensor;
}

/** Layer norm over the last dimension with weight and bias; computed in float32 inside, result in x's element type. */
export class LayerNorm extends Module implements Norm {
  readonly weight: Parameter;
  readonly bias: Parameter;
  private readonly shape: readonly number[];

  constructor(
    place: Place,
    size: number,
    readonly eps = 1e-6,
  ) {
    super(place);
    this.shape = [size];
    this.weight = this.parameter("weight", this.shape, oneInit);
    this.bias = this.parameter("bias", this.shape, zeroInit);
  }

  /** @param x [..., size] */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.shape, this.weight.tensor(), this.bias.tensor(), this.eps);
  }
}

/**
 * x / √(mean(x²) + eps) · weight over the last dimension (Zhang & Sennrich 2019). Normalised in float32, cast to x's
 * element type, then multiplied by the weight in that type: HunyuanDiT's order of casts.
 */
export class RmsNorm extends Module implements Norm {
  readonly weight: Parameter;

  constructor(
    place: Place,
    size: number,
    private readonly eps = 1e-6,
  ) {
    super(place);
    this.weight = this.parameter("weight", [size], oneInit);
  }

  /** @param x [..., size] */
  forward(x: Tensor): Tensor {
    const wide = withDtype(x, "float32");
    const scale = wide.square().mean([-1], true).add(this.eps).rsqrt(); // [..., 1]
    const normed = withDtype(wide.mul(scale), x.dtype);
    return normed.mul(withDtype(this.weight.tensor(), normed.dtype));
  }
}

/** Group norm over channels [B, C, …] with weight and bias per channel (Wu & He 2018), in x's element type. */
export class GroupNorm extends Module implements Norm {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    place: Place,
    private readonly groups: number,
    channels: number,
    private readonly eps = 1e-6,
  ) {
    super(place);
    this.weight = this.parameter("weight", [channels], oneInit);
    this.bias = this.parameter("bias", [channels], zeroInit);
  }

  /** @param x [B, C, …] */
  forward(x: Tensor): Tensor {
    const { groups, eps } = this;
    const [weight, bias] = [this.weight.tensor(), this.bias.tensor()].map((one) => withDtype(one, x.dtype));
    return callTensorOp("aten::group_norm", x, groups, weight, bias, eps, true);
  }
}
