// softmax(q·kᵀ·scale)·v.
// [B, N, L, K] · [B, N, S, K] → [B, N, L, K]; scale is 1/√K unless given.
// Vaswani et al. 2017; by libtorch's fused kernels where it has them.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

#include <string>
#include <utility>

namespace hyfw {

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     c10::optional<double> scale);
/** Written out in three ops: for libtorch before 2, and to test the fused one against. */
at::Tensor attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               c10::optional<double> scale);

/**
 * Attention together with what its gradient needs of it: the output and log Σ exp of each row's scores. Both
 * are undefined where no fused kernel takes these inputs.
 */
std::pair<at::Tensor, at::Tensor> attention_to_keep(const at::Tensor& q, const at::Tensor& k,
                                                    const at::Tensor& v);
/** Attention whose output is at hand already: gives it, recorded as if it had been computed now. */
at::Tensor attention_kept(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const at::Tensor& out, const at::Tensor& log_sums);

/** Which of libtorch's kernels may be used: any of "flash efficient cudnn math", separated by spaces. */
void allow_attention(const std::string& kernels);
/** The kernel that libtorch would take for such tensors: "flash", "efficient", "cudnn", "math", "written
 * out". */
std::string attention_choice(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

}  // namespace hyfw
