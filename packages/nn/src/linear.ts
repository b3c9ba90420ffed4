import { linear, type Tensor } from "@hyfw/native";
import { type Init, xavierUniformInit, zeroInit } from "./init.js";
import { lowRankTerm } from "./low-rank.js";
import { Module, type Place, TRAITS } from "./module.js";
import { tapedLinear } from "./output-tape.js";
import type { Parameter } from "./parameter.js";
import { withDtype } from "./with-dtype.js";

/** How a linear layer begins. */
export interface LinearInit {
  readonly weight?: Init;
  readonly bias?: Init;
}

/** x · Wᵀ + b over the last dimension. Takes any element type and computes in the weight's, which the result has. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    place: Place,
    inFeatures: number,
    outFeatures: number,
    { weight = xavierUniformInit, bias = zeroInit }: LinearInit = {},
  ) {
    super(place);
    this.weight = this.parameter("weight", [outFeatures, inFeatures], weight, TRAITS.linear);
    this.bias = this.parameter("bias", [outFeatures], bias, TRAITS.linearBias);
  }

  /** @param x [..., inFeatures]. @returns [..., outFeatures] */
  forward(x: Tensor): Tensor {
    const { weight } = this;
    const y = tapedLinear(withDtype(x, weight.dtype), weight.tensor(), this.bias.tensor());
    const { adapter } = weight;
    return adapter === undefined ? y : y.add(withDtype(lowRankTerm(x, adapter), y.dtype));
  }
}

/** x · Wᵀ over the last dimension, without a bias. Takes any element type and computes in the weight's. */
export class Projection extends Module {
  readonly weight: Parameter;

  constructor(place: Place, inFeatures: number, outFeatures: number, weight: Init = xavierUniformInit) {
    super(place);
    this.weight = this.parameter("weight", [outFeatures, inFeatures], weight, TRAITS.linear);
  }

  /** @param x [..., inFeatures]. @returns [..., outFeatures] */
  forward(x: Tensor): Tensor {
    return linear(withDtype(x, this.weight.dtype), this.weight.tensor());
  }
}
