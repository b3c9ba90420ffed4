// Attention by libtorch; see attention.h.
#include "ops/attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cmath>

namespace hyfw {

at::Tensor attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               c10::optional<double> scale) {
  const double factor = scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  return at::matmul(at::softmax(at::matmul(q * factor, k.transpose(-2, -1)), -1), v);
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, c10::optional<double> scale) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && v.dim() == 4 && q.size(0) == k.size(0) && q.size(1) == k.size(1) &&
                  q.size(3) == k.size(3) && k.sizes().slice(0, 3) == v.sizes().slice(0, 3),
              "expected q [B, N, L, K], k [B, N, S, K], v [B, N, S, Kv], found ", q.sizes(), ", ", k.sizes(), ", ",
              v.sizes());
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, false, scale);
#else
  return attention_reference(q, k, v, scale);
#endif
}

}  // namespace hyfw
