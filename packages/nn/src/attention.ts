import { callTensorOp, opSchemas, scaledDotProductAttention, type Tensor } from "@hyfw/native";
import { tapedAttention } from "./output-tape.js";

/** softmax(q·kᵀ/√K)·v. q [B, N, L, K]; k and v [B, N, S, K]; any strides. Gives [B, N, L, K]. */
export type AttentionKernel = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

let kernel: AttentionKernel = scaledDotProductAttention;

/** The attention of all modules, by the kernel in use: libtorch's own choice unless a plugin set another. */
export function attention(q: Tensor, k: Tensor, v: Tensor): Tensor {
  const compute = (): Tensor => kernel(q, k, v);
  // Only libtorch's own kernels tell what a gradient needs beside the output.
  return kernel === scaledDotProductAttention ? tapedAttention(q, k, v, compute) : compute();
}

/** Puts another kernel behind `attention` for this process. @returns a function that puts the former one back */
export function useAttention(next: AttentionKernel): () => void {
  const former = kernel;
  kernel = next;
  return () => {
    kernel = former;
  };
}

let hasFusedMask: boolean | undefined;

/**
 * softmax(q·kᵀ·scale + mask)·v, for encoders with padding or relative positions: kernels that a plugin set take no
 * mask, so this one is always libtorch's. Written out on libtorch before 2.1.
 * @param q [B, N, L, K]; @param k [B, N, S, K]; @param v [B, N, S, K]
 * @param mask added to the scores, broadcast to [B, N, L, S], in q's element type; −∞ hides a key
 */
export function maskedAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { mask, scale }: { readonly mask: Tensor; readonly scale: number },
): Tensor {
  hasFusedMask ??= opSchemas("aten::scaled_dot_product_attention").some((schema) => schema.includes("scale"));
  if (hasFusedMask)
    return callTensorOp("aten::scaled_dot_product_attention", q, k, v, mask, 0, false, { scale });
  return q.mul(scale).matmul(k.transpose(-2, -1)).add(mask).softmax(-1).matmul(v);
}

/** [B, S, parts·N·K] seen as heads, one view [B, S, N, K] per part; nothing is copied. */
export function splitHeads(x: Tensor, parts: number, heads: number): Tensor[] {
  const [batch = 0, length = 0, width = 0] = x.shape;
  const whole = x.reshape([batch, length, parts, heads, width / parts / heads]);
  return Array.from({ length: parts }, (_, part) => whole.select(2, part));
}

/** Heads joined again: [B, N, L, K] to [B, L, N·K]. */
export function joinHeads(x: Tensor): Tensor {
  const [batch = 0, heads = 0, length = 0, size = 0] = x.shape;
  return x.transpose(1, 2).reshape([batch, length, heads * size]);
}
