// One projection split into heads, some parts normed per head and rotated, in one pass with its gradient.
// Per head: y = (x − mean) / √(var + ε) · w + b over K, then neighbours rotate by (cos, sin); all in float32.
// Ba et al. 2016 (layer norm), Su et al. 2021 (rotary); in this order as HunyuanDiT's attention has them.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

#include <string>
#include <vector>

namespace hyfw {

/** Weights of the per-head norms of q and k, float32 [K]; none where q and k are not normed. */
struct HeadNorms {
  c10::optional<at::Tensor> q_weight, q_bias, k_weight, k_bias;
  double eps;
};

/**
 * @param x [B, L, P·N·K], float32 or bfloat16
 * @param rules one letter per part P: q or k (its norm), v (nothing); capital Q or K is also rotated
 * @param cos, sin float32 [L, K]; needed where a rule is capital
 * @returns per part [B, N, L, K] in x's type, laid out as [B, L, N, K]
 */
std::vector<at::Tensor> project_heads(const at::Tensor& x, int64_t heads, const std::string& rules,
                                      const HeadNorms& norms, const c10::optional<at::Tensor>& cos,
                                      const c10::optional<at::Tensor>& sin);

/** The same from plain ops: the reference, and the way on other devices and types. */
std::vector<at::Tensor> project_heads_reference(const at::Tensor& x, int64_t heads, const std::string& rules,
                                                const HeadNorms& norms, const c10::optional<at::Tensor>& cos,
                                                const c10::optional<at::Tensor>& sin);

}  // namespace hyfw
