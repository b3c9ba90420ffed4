import { conv2d, type Tensor } from "@hyfw/native";
import { xavierUniformInit, zeroInit } from "./init.js";
import { Module, type Place, TRAITS } from "./module.js";
import type { Parameter } from "./parameter.js";
import { withDtype } from "./with-dtype.js";

/** Sizes of a convolution. */
export interface ConvSizes {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Side of the square kernel; 3 when left out. */
  readonly kernel?: number;
  readonly stride?: number;
  /** Zeros around the picture; as many as keep its size at stride 1 when left out. */
  readonly padding?: number;
}

/** A 2-d convolution with bias. Takes any element type and computes in the weight's. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  private readonly steps: { readonly stride: number; readonly padding: number };

  constructor(place: Place, { inChannels, outChannels, kernel = 3, stride = 1, padding }: ConvSizes) {
    super(place);
    this.steps = { stride, padding: padding ?? (kernel - 1) / 2 };
    const shape = [outChannels, inChannels, kernel, kernel];
    this.weight = this.parameter("weight", shape, xavierUniformInit, TRAITS.linear);
    this.bias = this.parameter("bias", [outChannels], zeroInit, TRAITS.linearBias);
  }

  /** @param x [B, Cin, H, W]. @returns [B, Cout, H', W'] */
  forward(x: Tensor): Tensor {
    return conv2d(withDtype(x, this.weight.dtype), this.weight.tensor(), this.bias.tensor(), this.steps);
  }
}
