// Attention by libtorch; see attention.h.
#include "ops/attention.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/api/include/torch/version.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "ops/flops.h"
#include "ops/stand_in.h"

// Where the CPU's flash kernel is an op of its own with this signature.
#define HYFW_HAS_CPU_FLASH (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3))

namespace hyfw {

using at::Tensor;
using MaybeScale = c10::optional<double>;

namespace {

void check_shapes(const Tensor& q, const Tensor& k, const Tensor& v) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && v.dim() == 4 && q.size(0) == k.size(0) &&
                  q.size(1) == k.size(1) && q.size(3) == k.size(3) &&
                  k.sizes().slice(0, 3) == v.sizes().slice(0, 3),
              "expected q [B, N, L, K], k [B, N, S, K], v [B, N, S, Kv], found ", q.sizes(), ", ", k.sizes(),
              ", ", v.sizes());
}

bool is_recorded(const Tensor& q, const Tensor& k, const Tensor& v) {
  return c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
}

/** Both products forward; four backward. */
double flops_of(const Tensor& q, const Tensor& k) {
  return 4.0 * static_cast<double>(q.numel()) * static_cast<double>(k.size(2));
}

/** Memory as [B, L, N, K], which is what a fused kernel gives and joining heads needs no copy of. */
Tensor heads_like(const Tensor& q, int64_t width) {
  return at::empty({q.size(0), q.size(2), q.size(1), width}, q.options()).transpose(1, 2);
}

Tensor log_sums_like(const Tensor& q) {
  return at::empty({q.size(0), q.size(1), q.size(2)}, q.options().dtype(at::kFloat));
}

/** Shapes and saved tensors of a fused kernel, for walks on `meta`. */
struct ShapedAttention : torch::autograd::Function<ShapedAttention> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& q, const Tensor& k,
                        const Tensor& v) {
    const Tensor out = heads_like(q, v.size(3));
    context->save_for_backward({q, k, v, out, log_sums_like(q)});
    return out;
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list) {
    const auto saved = context->get_saved_variables();
    return {heads_like(saved[0], saved[0].size(3)), heads_like(saved[1], saved[1].size(3)),
            heads_like(saved[2], saved[2].size(3))};
  }
};

struct KeptAttention : torch::autograd::Function<KeptAttention> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& q, const Tensor& k,
                        const Tensor& v, const Tensor& out, const Tensor& log_sums) {
    context->save_for_backward({q, k, v, out, log_sums});
    return out.detach();
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list grads) {
    const auto saved = context->get_saved_variables();
    if (saved[0].device().is_meta())
      return {heads_like(saved[0], saved[0].size(3)), heads_like(saved[1], saved[1].size(3)),
              heads_like(saved[2], saved[2].size(3)), Tensor(), Tensor()};
#if HYFW_HAS_CPU_FLASH
    const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        grads[0], saved[0], saved[1], saved[2], saved[3], saved[4], 0.0, false);
    return {dq, dk, dv, Tensor(), Tensor()};
#else
    (void)grads;
    TORCH_CHECK(false, "this libtorch gives no attention to keep");
#endif
  }
};

#if TORCH_VERSION_MAJOR >= 2
bool may_use_flash() { return at::globalContext().userEnabledFlashSDP(); }
#endif

}  // namespace

Tensor attention_reference(const Tensor& q, const Tensor& k, const Tensor& v, MaybeScale scale) {
  const double factor = scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  return at::matmul(at::softmax(at::matmul(q * factor, k.transpose(-2, -1)), -1), v);
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, MaybeScale scale) {
  check_shapes(q, k, v);
  count_flops(flops_of(q, k), true, is_recorded(q, k, v) ? 2 : 0);
#if TORCH_VERSION_MAJOR >= 2
  const bool has_fused = may_use_flash() || at::globalContext().userEnabledMemEfficientSDP();
  if (q.device().is_meta() && has_fused) return ShapedAttention::apply(q, k, v);
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, false, scale);
#else
  return attention_reference(q, k, v, scale);
#endif
}

std::pair<Tensor, Tensor> attention_to_keep(const Tensor& q, const Tensor& k, const Tensor& v) {
  check_shapes(q, k, v);
#if HYFW_HAS_CPU_FLASH
  if (!may_use_flash() || !acts_as_cpu(q) || v.size(3) != q.size(3)) return {};
  if (!q.device().is_meta() && attention_choice(q, k, v) != "flash") return {};
  count_flops(flops_of(q, k), true, 0);
  if (q.device().is_meta()) return {heads_like(q, v.size(3)), log_sums_like(q)};
  const auto [out, log_sums] = at::_scaled_dot_product_flash_attention_for_cpu(q, k, v);
  return {out, log_sums};
#else
  return {};
#endif
}

Tensor attention_kept(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out,
                      const Tensor& log_sums) {
  check_shapes(q, k, v);
  TORCH_CHECK(out.size(2) == q.size(2) && out.size(1) == q.size(1) && out.size(0) == q.size(0),
              "out: expected the attention of q ", q.sizes(), ", found ", out.sizes());
  count_flops(flops_of(q, k), false, is_recorded(q, k, v) ? 2 : 0);
  return KeptAttention::apply(q, k, v, out, log_sums);
}

void allow_attention(const std::string& kernels) {
#if TORCH_VERSION_MAJOR >= 2
  const auto has = [&](const char* name) { return kernels.find(name) != std::string::npos; };
  auto& context = at::globalContext();
  context.setSDPUseFlash(has("flash"));
  context.setSDPUseMemEfficient(has("efficient"));
  context.setSDPUseMath(has("math"));
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 5
  context.setSDPUseCuDNN(has("cudnn"));
#endif
#else
  (void)kernels;
#endif
}

std::string attention_choice(const Tensor& q, const Tensor& k, const Tensor& v) {
#if TORCH_VERSION_MAJOR >= 2
  switch (at::_fused_sdp_choice(q, k, v)) {
    case 0:
      return "math";
    case 1:
      return "flash";
    case 2:
      return "efficient";
    case 3:
      return "cudnn";
    default:
      return "none";
  }
#else
  check_shapes(q, k, v);
  return "written out";
#endif
}

}  // namespace hyfw
