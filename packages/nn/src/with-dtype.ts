import type { Tensor } from "@hyfw/native";

/** The tensor itself where it has the element type already, else a cast. */
export function withDtype(x: Tensor, dtype: Tensor["dtype"]): Tensor {
  return x.dtype === dtype ? x : x.to({ dtype });
}
