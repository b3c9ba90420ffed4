// Linear layers on the CPU by the kernels that are fastest here; see linear.h.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <sstream>

#include "ops/flops.h"
#include "ops/linear.h"

namespace at {
namespace native {
// Exported by libtorch_cpu without a header in every release: result ← α·a·b + β·result. Weak: may be absent.
__attribute__((weak)) void mkldnn_matmul(const Tensor& a, const Tensor& b, const Tensor& result, float beta,
                                         float alpha);
}  // namespace native
}  // namespace at

namespace hyfw {

using at::Tensor;
using MaybeTensor = c10::optional<Tensor>;

namespace {

enum class Kernel { kUnknown, kAten, kOneDnn };
enum class HalfKernel { kUnknown, kAten, kWide };
std::atomic<Kernel> chosen{Kernel::kUnknown};
std::atomic<HalfKernel> chosen_half{HalfKernel::kUnknown};
std::mutex choosing;
std::string reason, half_reason;

/** `mkldnn::_linear_pointwise`: product and bias in one pass. */
const c10::OperatorHandle* pointwise() {
  static const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  return handle.has_value() ? &*handle : nullptr;
}

bool has_onednn() { return at::native::mkldnn_matmul != nullptr && at::hasMKLDNN(); }

/** a · b, both 2-d in any of the two orders. */
Tensor product(const Tensor& a, const Tensor& b) {
  Tensor result = at::empty({a.size(0), b.size(1)}, a.options());
  at::native::mkldnn_matmul(a, b, result, 0, 1);
  return result;
}

/** @param x [M, in] */
Tensor forward_2d(const Tensor& x, const Tensor& weight, const MaybeTensor& bias) {
  const auto* op = pointwise();
  if (op == nullptr) {
    Tensor result = product(x, weight.t());
    return bias.has_value() ? result.add_(*bias) : result;
  }
  c10::Stack stack;
  stack.reserve(6);
  stack.emplace_back(x);
  stack.emplace_back(weight);
  stack.emplace_back(bias.has_value() ? c10::IValue(*bias) : c10::IValue());
  stack.emplace_back(std::string("none"));
  stack.emplace_back(c10::List<c10::optional<at::Scalar>>());
  stack.emplace_back(c10::optional<std::string>(""));
  op->callBoxed(stack);
  return stack[0].toTensor();
}

double best_milliseconds(const std::function<void()>& work) {
  double best = 1e9;
  for (int run = 0; run < 4; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (run > 0) best = std::min(best, took.count());
  }
  return best;
}

/** Times both on a product of 0.4 GFLOP, once: about 20 ms. */
Kernel measure() {
  if (!has_onednn()) {
    reason = "this libtorch has no oneDNN product";
    return Kernel::kAten;
  }
  c10::NoGradGuard no_grad;
  const Tensor x = at::ones({256, 768}), weight = at::ones({1024, 768}), bias = at::ones({1024});
  try {
    product(x, weight.t());
  } catch (const c10::Error&) {
    // Older releases open this product for half types only.
    reason = "this libtorch's oneDNN product does not take float32 on this CPU";
    return Kernel::kAten;
  }
  const double aten = best_milliseconds([&] { at::linear(x, weight, bias); });
  const double onednn = best_milliseconds([&] { forward_2d(x, weight, bias); });
  std::ostringstream text;
  text.precision(3);
  text << "measured [256, 768] x [768, 1024]: oneDNN " << onednn << " ms, BLAS " << aten << " ms";
  reason = text.str();
  return onednn < 0.9 * aten ? Kernel::kOneDnn : Kernel::kAten;
}

Kernel kernel() {
  const Kernel known = chosen.load(std::memory_order_acquire);
  if (known != Kernel::kUnknown) return known;
  std::lock_guard<std::mutex> lock(choosing);
  if (chosen.load() == Kernel::kUnknown) chosen.store(measure(), std::memory_order_release);
  return chosen.load();
}

/** Rounded to bfloat16 once, after a float32 product: what bfloat16 kernels compute as well. */
Tensor narrow(const Tensor& wide) { return wide.to(at::kBFloat16); }
Tensor widen(const Tensor& half) { return half.to(at::kFloat); }

/** Times both on a product of 0.1 GFLOP, once: about 20 ms where bfloat16 is emulated. */
HalfKernel measure_half() {
  c10::NoGradGuard no_grad;
  const Tensor x = at::ones({128, 512}, at::kBFloat16), weight = at::ones({768, 512}, at::kBFloat16);
  const double aten = best_milliseconds([&] { at::linear(x, weight); });
  const double wide = best_milliseconds([&] { narrow(at::linear(widen(x), widen(weight))); });
  std::ostringstream text;
  text.precision(3);
  text << "measured [128, 512] x [512, 768]: through float32 " << wide << " ms, bfloat16 " << aten << " ms";
  half_reason = text.str();
  return wide < 0.9 * aten ? HalfKernel::kWide : HalfKernel::kAten;
}

HalfKernel half_kernel() {
  const HalfKernel known = chosen_half.load(std::memory_order_acquire);
  if (known != HalfKernel::kUnknown) return known;
  std::lock_guard<std::mutex> lock(choosing);
  if (chosen_half.load() == HalfKernel::kUnknown)
    chosen_half.store(measure_half(), std::memory_order_release);
  return chosen_half.load();
}

/** Below this many multiplications the cost of a call decides, and BLAS has the cheaper call. */
constexpr int64_t kSmall = 1 << 20;
/** The same for bfloat16, where an emulated product is slow sooner. */
constexpr int64_t kSmallHalf = 1 << 16;

/** a · b in float32, by the chosen kernel. */
Tensor product_by(Kernel by, const Tensor& a, const Tensor& b) {
  return by == Kernel::kOneDnn ? product(a, b) : at::mm(a, b);
}

struct Linear : torch::autograd::Function<Linear> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const MaybeTensor& bias) {
    if (bias.has_value())
      context->save_for_backward({x, weight, *bias});
    else
      context->save_for_backward({x, weight});
    return forward_2d(x, weight, bias);
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor grad = grads[0].is_contiguous() ? grads[0] : grads[0].contiguous();
    Tensor dx, dweight, dbias;
    if (context->needs_input_grad(0)) dx = product(grad, saved[1]);
    if (context->needs_input_grad(1)) dweight = product(grad.t(), saved[0]);
    if (saved.size() == 3 && context->needs_input_grad(2)) dbias = grad.sum(0);
    return {dx, dweight, dbias};
  }
};

/** bfloat16 through float32, for CPUs without instructions for it; results are rounded once, as theirs are.
 */
struct WideLinear : torch::autograd::Function<WideLinear> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const MaybeTensor& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return run(x, weight, bias);
  }
  static Tensor run(const Tensor& x, const Tensor& weight, const MaybeTensor& bias) {
    const MaybeTensor wide_bias = bias.has_value() ? MaybeTensor(widen(*bias)) : MaybeTensor();
    return narrow(kernel() == Kernel::kOneDnn ? forward_2d(widen(x), widen(weight), wide_bias)
                                              : at::linear(widen(x), widen(weight), wide_bias));
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor grad = widen(grads[0].contiguous());
    Tensor dx, dweight, dbias;
    if (context->needs_input_grad(0)) dx = narrow(product_by(kernel(), grad, widen(saved[1])));
    if (context->needs_input_grad(1)) dweight = narrow(product_by(kernel(), grad.t(), widen(saved[0])));
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) dbias = narrow(grad.sum(0));
    return {dx, dweight, dbias};
  }
};

/** Takes the product from whoever kept it; its gradient is that of the layer that made it. */
struct KeptLinear : torch::autograd::Function<KeptLinear> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const MaybeTensor& bias, const Tensor& kept) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return kept.detach();
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor& weight = saved[1];
    Tensor grad = grads[0].contiguous();
    const int64_t work = x.numel() * weight.size(0);
    const bool on_cpu = x.device().is_cpu();
    const bool wide = on_cpu && x.scalar_type() == at::kBFloat16 && work >= kSmallHalf &&
                      half_kernel() == HalfKernel::kWide;
    const bool onednn =
        on_cpu && x.scalar_type() == at::kFloat && work >= kSmall && kernel() == Kernel::kOneDnn;
    if (wide) grad = widen(grad);
    const auto multiply = [&](const Tensor& a, const Tensor& b) {
      if (wide) return narrow(product_by(kernel(), a, widen(b)));
      return onednn ? product(a, b) : at::mm(a, b);
    };
    Tensor dx, dweight, dbias;
    if (context->needs_input_grad(0)) dx = multiply(grad, weight);
    if (context->needs_input_grad(1)) dweight = multiply(grad.t(), x);
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) {
      dbias = grad.sum(0);
      if (wide) dbias = narrow(dbias);
    }
    return {dx, dweight, dbias, Tensor()};
  }
};

bool is_recorded(const Tensor& x, const Tensor& weight, const MaybeTensor& bias) {
  return c10::GradMode::is_enabled() &&
         (x.requires_grad() || weight.requires_grad() || (bias.has_value() && bias->requires_grad()));
}

/** Products that the gradient of a layer takes. */
int gradients_of(const Tensor& x, const Tensor& weight) {
  if (!c10::GradMode::is_enabled()) return 0;
  return (x.requires_grad() ? 1 : 0) + (weight.requires_grad() ? 1 : 0);
}

/** Whether all are on the CPU, of one type, and of shapes that multiply. */
bool fits(const Tensor& x, const Tensor& weight, const MaybeTensor& bias, at::ScalarType type) {
  return x.scalar_type() == type && weight.scalar_type() == type && x.device().is_cpu() &&
         weight.device().is_cpu() && weight.dim() == 2 && x.dim() >= 2 && x.size(-1) == weight.size(1) &&
         (!bias.has_value() || (bias->dim() == 1 && bias->size(0) == weight.size(0) &&
                                bias->scalar_type() == type && bias->device().is_cpu()));
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const MaybeTensor& bias) {
  const int64_t work = x.dim() >= 2 && weight.dim() == 2 ? x.numel() * weight.size(0) : 0;
  const bool recorded = is_recorded(x, weight, bias);
  count_flops(2.0 * static_cast<double>(work), true, gradients_of(x, weight));
  const bool wide =
      work >= kSmallHalf && fits(x, weight, bias, at::kBFloat16) && half_kernel() == HalfKernel::kWide;
  const bool onednn = work >= kSmall && fits(x, weight, bias, at::kFloat) && kernel() == Kernel::kOneDnn;
  if (!wide && !onednn) return at::linear(x, weight, bias);
  const bool flat = x.dim() == 2;
  const Tensor rows = flat ? x.contiguous() : x.reshape({-1, x.size(-1)}).contiguous();
  const Tensor result =
      wide ? (recorded ? WideLinear::apply(rows, weight, bias) : WideLinear::run(rows, weight, bias))
           : (recorded ? Linear::apply(rows, weight, bias) : forward_2d(rows, weight, bias));
  if (flat) return result;
  auto shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return result.view(shape);
}

Tensor linear_kept(const Tensor& x, const Tensor& weight, const MaybeTensor& bias, const Tensor& kept) {
  TORCH_CHECK(x.dim() >= 2 && weight.dim() == 2 && x.size(-1) == weight.size(1) &&
                  kept.sizes().slice(0, static_cast<size_t>(kept.dim()) - 1) ==
                      x.sizes().slice(0, static_cast<size_t>(x.dim()) - 1) &&
                  kept.size(-1) == weight.size(0),
              "kept: expected the product of x ", x.sizes(), " and weight ", weight.sizes(), ", found ",
              kept.sizes());
  const double flops = 2.0 * static_cast<double>(x.numel() * weight.size(0));
  count_flops(flops, false, gradients_of(x, weight));
  const Tensor rows = x.reshape({-1, x.size(-1)});
  const Tensor result = KeptLinear::apply(rows, weight, bias, kept.reshape({-1, kept.size(-1)}));
  return result.view(kept.sizes());
}

std::string linear_kernel() {
  const std::string name = kernel() == Kernel::kOneDnn ? "onednn" : "aten";
  std::lock_guard<std::mutex> lock(choosing);
  return name + " (" + reason + ")";
}

std::string half_linear_kernel() {
  const std::string name = half_kernel() == HalfKernel::kWide ? "float32" : "aten";
  std::lock_guard<std::mutex> lock(choosing);
  return name + " (" + half_reason + ")";
}

void set_linear_kernel(const std::string& name) {
  std::lock_guard<std::mutex> lock(choosing);
  TORCH_CHECK(name == "aten" || name == "onednn" || name == "auto", "expected aten, onednn or auto, found ",
              name);
  TORCH_CHECK(name != "onednn" || has_onednn(), "this libtorch has no oneDNN product");
  reason = "set";
  chosen.store(name == "auto" ? Kernel::kUnknown : name == "aten" ? Kernel::kAten : Kernel::kOneDnn);
}

void set_half_linear_kernel(const std::string& name) {
  std::lock_guard<std::mutex> lock(choosing);
  TORCH_CHECK(name == "aten" || name == "float32" || name == "auto", "expected aten, float32 or auto, found ",
              name);
  half_reason = "set";
  chosen_half.store(name == "auto"   ? HalfKernel::kUnknown
                    : name == "aten" ? HalfKernel::kAten
                                     : HalfKernel::kWide);
}

}  // namespace hyfw
