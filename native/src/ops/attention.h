// softmax(q·kᵀ·scale)·v.
// [B, N, L, K] · [B, N, S, K] → [B, N, L, K]; scale is 1/√K unless given.
// Vaswani et al. 2017; by libtorch's fused kernels where it has them.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

namespace hyfw {

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, c10::optional<double> scale);
/** Written out in three ops: for libtorch before 2, and to test the fused one against. */
at::Tensor attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               c10::optional<double> scale);

}  // namespace hyfw
