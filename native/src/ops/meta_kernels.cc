// Shapes of ops that libtorch has no `meta` kernel for in C++, so that a model can be walked without numbers.
// Each gives empty tensors shaped as the real op's results; whatever libtorch already has stays.
// Registered when the addon is loaded.
#include "ops/meta_kernels.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <array>
#include <mutex>

namespace hyfw {

using at::Tensor;
using MaybeTensor = c10::optional<Tensor>;

namespace {

at::DimVector leading(const Tensor& x, size_t shape_dims) {
  at::DimVector sizes(x.sizes());
  for (size_t k = 0; k < shape_dims; ++k) sizes[sizes.size() - 1 - k] = 1;
  return sizes;
}

std::tuple<Tensor, Tensor, Tensor> layer_norm_shapes(const Tensor& x, at::IntArrayRef shape,
                                                     const MaybeTensor&, const MaybeTensor&, double) {
  const auto facts = x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  const auto sizes = leading(x, shape.size());
  return {at::empty(x.sizes(), x.options()), at::empty(sizes, facts), at::empty(sizes, facts)};
}

std::tuple<Tensor, Tensor, Tensor> layer_norm_backward_shapes(const Tensor&, const Tensor& x, at::IntArrayRef,
                                                              const Tensor&, const Tensor&,
                                                              const MaybeTensor& weight,
                                                              const MaybeTensor& bias,
                                                              std::array<bool, 3> wanted) {
  const auto like = [](const MaybeTensor& tensor, bool is_wanted) {
    return is_wanted && tensor.has_value() ? at::empty(tensor->sizes(), tensor->options()) : Tensor();
  };
  return {like(x, wanted[0]), like(weight, wanted[1]), like(bias, wanted[2])};
}

Tensor index_select_shape(const Tensor& table, int64_t dim, const Tensor& index) {
  at::DimVector sizes(table.sizes());
  sizes[static_cast<size_t>(at::maybe_wrap_dim(dim, table.dim()))] = index.numel();
  return at::empty(sizes, table.options());
}

Tensor embedding_backward_shape(const Tensor& grad, const Tensor&, int64_t rows, int64_t, bool) {
  return at::empty({rows, grad.size(-1)}, grad.options());
}

Tensor where_shape(const Tensor& condition, const Tensor& yes, const Tensor& no) {
  const auto sizes = at::infer_size(at::infer_size(condition.sizes(), yes.sizes()), no.sizes());
  return at::empty(sizes, yes.options().dtype(at::result_type(yes, no)));
}

}  // namespace

void register_meta_kernels() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Never taken back: the process walks on `meta` until it ends.
    static auto* library = new torch::Library(torch::Library::IMPL, "aten",
                                              c10::make_optional(c10::DispatchKey::Meta), __FILE__, __LINE__);
    const auto add = [](const char* name, const char* overload, auto function) {
      const auto op = c10::Dispatcher::singleton().findSchema({std::string("aten::") + name, overload});
      if (!op.has_value() || op->hasKernelForDispatchKey(c10::DispatchKey::Meta)) return;
      const std::string full = *overload == 0 ? name : std::string(name) + "." + overload;
      library->impl(full.c_str(), function);
    };
    add("native_layer_norm", "", TORCH_FN(layer_norm_shapes));
    add("native_layer_norm_backward", "", TORCH_FN(layer_norm_backward_shapes));
    add("index_select", "", TORCH_FN(index_select_shape));
    add("embedding_dense_backward", "", TORCH_FN(embedding_backward_shape));
    add("where", "self", TORCH_FN(where_shape));
  });
}

}  // namespace hyfw
