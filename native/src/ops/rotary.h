// Rotary positions on neighbours, with its gradient.
// out[2i] = x[2i]·cos[2i] − x[2i+1]·sin[2i]; out[2i+1] = x[2i+1]·cos[2i+1] + x[2i]·sin[2i+1], in float32.
// Su et al. 2021, "RoFormer"; tables as HunyuanDiT makes them, each value twice in a row.
#pragma once
#include <ATen/core/Tensor.h>

namespace hyfw {

/** @param x [B, N, L, K]; @param cos, sin float32 [L, K]. @returns [B, N, L, K] in x's type, laid out as [B, L, N, K]. */
at::Tensor rotary(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);
/** The same from plain ops, recorded by autograd: the reference, and the way on other devices. */
at::Tensor rotary_reference(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);

}  // namespace hyfw
