// Layer norm with weights of another type than x; see layer_norm.h.
#include "ops/layer_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/api/include/torch/version.h>

#include "ops/stand_in.h"

namespace hyfw {

at::Tensor layer_norm(const at::Tensor& x, at::IntArrayRef shape, const c10::optional<at::Tensor>& weight,
                      const c10::optional<at::Tensor>& bias, double eps) {
  const bool same = !weight.has_value() || weight->scalar_type() == x.scalar_type();
  // The CPU kernel of libtorch 2 takes half inputs with float32 weights as they are.
  const bool mixes = TORCH_VERSION_MAJOR >= 2 && acts_as_cpu(x);
  if (same || mixes) return at::layer_norm(x, shape, weight, bias, eps);
  return at::layer_norm(x.to(weight->scalar_type()), shape, weight, bias, eps).to(x.scalar_type());
}

}  // namespace hyfw
