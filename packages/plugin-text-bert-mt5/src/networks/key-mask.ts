import { type DType, full, type Tensor, where, zeros } from "@hyfw/native";

/** What is added to attention scores so that padding gets no weight. @param mask int64 [B, S]. @returns [B, 1, 1, S] */
export function keyMask(mask: Tensor, dtype: DType): Tensor {
  const { device } = mask;
  const isReal = mask.eq(1).unsqueeze(1).unsqueeze(1);
  return where(isReal, zeros([1], { dtype, device }), full([1], Number.NEGATIVE_INFINITY, { dtype, device }));
}
