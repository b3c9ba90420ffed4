// Grad mode, leaves, backward: on the calling thread or on the native one.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "binding/define.h"
#include "binding/worker.h"

namespace hyfw {

using at::Tensor;
using Tensors = std::vector<Tensor>;

static void check_outputs(const Tensors& outputs, const Tensors& grads) {
  if (!grads.empty() && grads.size() != outputs.size())
    throw BindingError("HYFW_NATIVE_ARGUMENT", "expected " + std::to_string(outputs.size()) +
                                                   " gradients, one per output, found " + std::to_string(grads.size()));
  for (size_t k = 0; k < outputs.size(); ++k) {
    if (!outputs[k].requires_grad())
      throw BindingError("HYFW_NATIVE_GRAD", "output " + std::to_string(k) + ", " + describe_tensor(outputs[k]) +
                                                 ", was not recorded: nothing that requires grad went into it, or "
                                                 "recording was off");
    if (grads.empty() ? outputs[k].numel() != 1 : outputs[k].sizes() != grads[k].sizes())
      throw BindingError("HYFW_NATIVE_SHAPE",
                         grads.empty() ? "output " + std::to_string(k) + ", " + describe_tensor(outputs[k]) +
                                             ", is not a scalar and needs a gradient to start from"
                                       : "gradient " + std::to_string(k) + ", " + describe_tensor(grads[k]) +
                                             ", is not shaped as its output, " + describe_tensor(outputs[k]));
  }
}

static Worker& worker_of(Instance& instance) {
  if (instance.worker == nullptr) instance.worker = std::make_unique<Worker>(instance);
  return *instance.worker;
}

void define_autograd(Instance& instance, napi_value exports) {
  define(instance, exports, "requiresGrad", [](const Tensor& t) { return t.requires_grad(); });
  define(instance, exports, "setRequiresGrad", [](const Tensor& t, bool on) { t.requires_grad_(on); });
  define(instance, exports, "isLeaf", [](const Tensor& t) { return t.is_leaf(); });
  define(instance, exports, "grad", [](Instance& i, const Tensor& t) -> napi_value {
    const Tensor grad = t.is_leaf() ? t.grad() : Tensor();
    return grad.defined() ? to_js(i, grad) : to_js(i, 0.0);
  });
  define(instance, exports, "setGrad", [](Instance& i, const Tensor& t, double grad) {
    t.mutable_grad() = grad == 0 ? Tensor() : i.table.get(grad);
  });
  define(instance, exports, "gradEnabled", []() { return c10::GradMode::is_enabled(); });
  define(instance, exports, "setGradEnabled", [](bool on) {
    const bool before = c10::GradMode::is_enabled();
    c10::GradMode::set_enabled(on);
    return before;
  });
  define(instance, exports, "backward", [](const Tensors& outputs, const Tensors& grads, bool retain) {
    check_outputs(outputs, grads);
    torch::autograd::backward(outputs, grads, retain);
  });
  define(instance, exports, "backwardAsync",
         [](Instance& i, const Tensors& outputs, const Tensors& grads, bool retain) -> napi_value {
           check_outputs(outputs, grads);
           return worker_of(i).submit(
               "backward", [outputs, grads, retain] { torch::autograd::backward(outputs, grads, retain); },
               [] { return static_cast<napi_value>(nullptr); });
         });
  define(instance, exports, "gradients",
         [](Instance& i, const Tensors& outputs, const Tensors& inputs, const Tensors& grads,
            bool retain) -> napi_value {
           check_outputs(outputs, grads);
           const Tensors found = torch::autograd::grad(outputs, inputs, grads, retain, false, /*allow_unused=*/true);
           napi_value list;
           napi_create_array_with_length(i.env, found.size(), &list);
           for (size_t k = 0; k < found.size(); ++k)
             napi_set_element(i.env, list, static_cast<uint32_t>(k),
                              found[k].defined() ? to_js(i, found[k]) : to_js(i, 0.0));
           return list;
         });
}

}  // namespace hyfw
