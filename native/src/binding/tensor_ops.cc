// Typed bindings of ops on shapes and single tensors.
#include <ATen/ATen.h>

#include "binding/define.h"

namespace hyfw {

using at::Tensor;
using Sizes = std::vector<int64_t>;

at::Generator generator_for(Instance& instance, int64_t number);

void define_tensor_ops(Instance& i, napi_value ops) {
  define(i, ops, "to", [](const Tensor& t, int64_t dtype, const std::string& device) {
    auto options = at::TensorOptions();
    if (dtype >= 0) options = options.dtype(static_cast<at::ScalarType>(dtype));
    if (!device.empty()) {
      const at::Device target(device);
      if (target.is_cuda() && !at::hasCUDA())
        throw BindingError("HYFW_NATIVE_DEVICE", "device " + device + ": this libtorch was built without CUDA");
      options = options.device(target);
    }
    return t.to(options);
  });
  define(i, ops, "detach", [](const Tensor& t) { return t.detach(); });
  define(i, ops, "clone", [](const Tensor& t) { return t.clone(); });
  define(i, ops, "contiguous", [](const Tensor& t) { return t.contiguous(); });
  define(i, ops, "reshape", [](const Tensor& t, const Sizes& shape) { return t.reshape(shape); });
  define(i, ops, "permute", [](const Tensor& t, const Sizes& order) { return t.permute(order); });
  define(i, ops, "transpose", [](const Tensor& t, int64_t a, int64_t b) { return t.transpose(a, b); });
  define(i, ops, "flatten", [](const Tensor& t, int64_t start, int64_t end) { return t.flatten(start, end); });
  define(i, ops, "unsqueeze", [](const Tensor& t, int64_t dim) { return t.unsqueeze(dim); });
  define(i, ops, "squeeze", [](const Tensor& t, int64_t dim) { return t.squeeze(dim); });
  define(i, ops, "expand", [](const Tensor& t, const Sizes& shape) { return t.expand(shape); });
  define(i, ops, "narrow",
         [](const Tensor& t, int64_t dim, int64_t start, int64_t length) { return t.narrow(dim, start, length); });
  define(i, ops, "select", [](const Tensor& t, int64_t dim, int64_t index) { return t.select(dim, index); });
  define(i, ops, "indexSelect",
         [](const Tensor& t, int64_t dim, const Tensor& index) { return t.index_select(dim, index); });
  define(i, ops, "flip", [](const Tensor& t, const Sizes& dims) { return t.flip(dims); });
  define(i, ops, "cat", [](const std::vector<Tensor>& list, int64_t dim) { return at::cat(list, dim); });
  define(i, ops, "stack", [](const std::vector<Tensor>& list, int64_t dim) { return at::stack(list, dim); });

  define(i, ops, "full", [](const Sizes& shape, double value, at::ScalarType dtype, at::Device device) {
    const auto options = at::TensorOptions().dtype(dtype).device(device);
    return value == 0 ? at::zeros(shape, options) : at::full(shape, value, options);
  });
  define(i, ops, "empty", [](const Sizes& shape, at::ScalarType dtype, at::Device device) {
    return at::empty(shape, at::TensorOptions().dtype(dtype).device(device));
  });
  define(i, ops, "arange",
         [](const at::Scalar& start, const at::Scalar& end, const at::Scalar& step, at::ScalarType dtype,
            at::Device device) {
           return at::arange(start, end, step, at::TensorOptions().dtype(dtype).device(device));
         });
  define(i, ops, "copyTo", [](const Tensor& t, at::ScalarType dtype, at::Device device) {
    return t.to(at::TensorOptions().dtype(dtype).device(device), /*non_blocking=*/false, /*copy=*/true);
  });
  define(i, ops, "randn",
         [](Instance& instance, const Sizes& shape, int64_t generator, at::ScalarType dtype, at::Device device) {
           return at::randn(shape, generator_for(instance, generator), at::TensorOptions().dtype(dtype).device(device));
         });
  define(i, ops, "rand",
         [](Instance& instance, const Sizes& shape, int64_t generator, at::ScalarType dtype, at::Device device) {
           return at::rand(shape, generator_for(instance, generator), at::TensorOptions().dtype(dtype).device(device));
         });
}

}  // namespace hyfw
