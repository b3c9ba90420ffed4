// Layer norm over the last dimensions; statistics in float32 whatever the types.
// y = (x − mean) / √(var + ε) · weight + bias, result in x's type.
// Ba et al. 2016; float32 weights with half inputs as the official half-precision rules ask.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

namespace hyfw {

at::Tensor layer_norm(const at::Tensor& x, at::IntArrayRef shape, const c10::optional<at::Tensor>& weight,
                      const c10::optional<at::Tensor>& bias, double eps);

}  // namespace hyfw
