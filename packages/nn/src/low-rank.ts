import { linear, type Tensor } from "@hyfw/native";
import { adaptMisfit } from "./errors.js";
import type { Parameter } from "./parameter.js";
import { withDtype } from "./with-dtype.js";

/** What an adapter adds to a linear layer: scale · up · down · x (Hu et al. 2021, "LoRA", section 4.1). */
export interface LowRank {
  /** [rank, in] */
  readonly down: Parameter;
  /** [out, rank] */
  readonly up: Parameter;
  /** alpha / rank */
  readonly scale: number;
}

/** scale · up · down · x. @param x [..., in]. @returns [..., out] in the adapter's element type */
export function lowRankTerm(x: Tensor, { down, up, scale }: LowRank): Tensor {
  const inner = linear(withDtype(x, down.dtype), down.tensor());
  const outer = linear(inner, up.tensor());
  return scale === 1 ? outer : outer.mul(scale);
}

/** @throws HYFW_NN_ADAPT when a weight is of no linear layer, or the arrays do not fit it */
export function checkLowRank(weight: Parameter, { down, up }: LowRank): void {
  const [outFeatures, inFeatures] = weight.shape;
  const rank = down.shape[0];
  const fits =
    weight.castable &&
    weight.shape.length === 2 &&
    down.shape[1] === inFeatures &&
    up.shape[0] === outFeatures &&
    up.shape[1] === rank;
  if (!fits) throw adaptMisfit(weight.name, weight.shape, down.shape, up.shape);
}
