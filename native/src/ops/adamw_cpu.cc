// One AdamW step over many tensors: the plain reference, the vectorised CPU loop, and the choice of device.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "ops/adamw.h"
#include "ops/adamw_numbers.h"
#include "ops/half_rows.h"
#include "ops/pieces.h"
#include "ops/stand_in.h"
#include "ops/vector_clones.h"
#ifdef HYFW_CUDA
#include "ops/cuda_launch.h"
#endif

namespace hyfw {

using Tensors = std::vector<at::Tensor>;

HYFW_CLONES static void step_piece(float* __restrict p, const float* __restrict g, float* __restrict m,
                                   float* __restrict v, float scale, AdamWNumbers numbers, int64_t count) {
  for (int64_t k = 0; k < count; ++k) adamw_element(p[k], g[k] * scale, m[k], v[k], numbers);
}

HYFW_CLONES static void step_piece_bfloat16(float* __restrict p, const c10::BFloat16* __restrict g,
                                            float* __restrict m, float* __restrict v, float scale,
                                            AdamWNumbers numbers, int64_t count) {
  for (int64_t k = 0; k < count; ++k) adamw_element(p[k], widen(g[k]) * scale, m[k], v[k], numbers);
}

/** @param may_be_half whether bfloat16 will do as well as float32 */
static void check(const Tensors& params, const Tensors& others, const char* name, bool may_be_half = false) {
  TORCH_CHECK(params.size() == others.size(), name, ": expected ", params.size(), " tensors, found ",
              others.size());
  for (size_t k = 0; k < params.size(); ++k) {
    const auto& p = params[k];
    const auto& other = others[k];
    const bool has_type =
        other.scalar_type() == at::kFloat || (may_be_half && other.scalar_type() == at::kBFloat16);
    TORCH_CHECK(other.sizes() == p.sizes() && has_type && other.device() == p.device(), name, "[", k,
                "]: expected float32 ", p.sizes(), " on ", p.device(), ", found ", other.scalar_type(), " ",
                other.sizes(), " on ", other.device());
    TORCH_CHECK(other.is_contiguous(), name, "[", k, "]: expected a contiguous tensor, found strides ",
                other.strides());
  }
}

void adamw(const Tensors& params, const Tensors& grads_given, const Tensors& exp_avgs,
           const Tensors& exp_avg_sqs, const at::Tensor& grad_scale, double lr, double beta1, double beta2,
           double eps, double weight_decay, int64_t step) {
  c10::NoGradGuard no_grad;
  TORCH_CHECK(step >= 1, "step: expected 1 or more, found ", step);
  TORCH_CHECK(grad_scale.numel() == 1, "grad_scale: expected a scalar, found ", grad_scale.sizes());
  Tensors grads;
  // Only the CPU's loop reads bfloat16 as it is.
  for (const auto& grad : grads_given)
    grads.push_back(grad.device().is_cpu() && chosen_kernels.load() != Kernels::kPlain
                        ? grad.contiguous()
                        : grad.to(at::kFloat).contiguous());
  check(params, params, "params");
  check(params, grads, "grads", true);
  check(params, exp_avgs, "exp_avgs");
  check(params, exp_avg_sqs, "exp_avg_sqs");
  if (params.empty()) return;
  const AdamWNumbers numbers = adamw_numbers(lr, beta1, beta2, eps, weight_decay, step);
#ifdef HYFW_CUDA
  if (params[0].is_cuda() && chosen_kernels.load() != Kernels::kPlain)
    return cuda_adamw(params, grads, exp_avgs, exp_avg_sqs, grad_scale, numbers);
#endif
  if (!params[0].device().is_cpu() || chosen_kernels.load() == Kernels::kPlain)
    return adamw_reference(params, grads, exp_avgs, exp_avg_sqs, grad_scale, lr, beta1, beta2, eps,
                           weight_decay, step);
  const float scale = grad_scale.item<float>();
  const auto pieces = pieces_of(params);
  at::parallel_for(0, static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const Piece& piece = pieces[static_cast<size_t>(k)];
      const size_t t = piece.tensor;
      float* p = params[t].data_ptr<float>() + piece.begin;
      float* m = exp_avgs[t].data_ptr<float>() + piece.begin;
      float* v = exp_avg_sqs[t].data_ptr<float>() + piece.begin;
      if (grads[t].scalar_type() == at::kFloat)
        step_piece(p, grads[t].data_ptr<float>() + piece.begin, m, v, scale, numbers, piece.count);
      else
        step_piece_bfloat16(p, grads[t].data_ptr<c10::BFloat16>() + piece.begin, m, v, scale, numbers,
                            piece.count);
    }
  });
}

void adamw_reference(const Tensors& params, const Tensors& grads, const Tensors& exp_avgs,
                     const Tensors& exp_avg_sqs, const at::Tensor& grad_scale, double lr, double beta1,
                     double beta2, double eps, double weight_decay, int64_t step) {
  c10::NoGradGuard no_grad;
  const double correction1 = 1 - std::pow(beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(beta2, static_cast<double>(step));
  for (size_t k = 0; k < params.size(); ++k) {
    const at::Tensor g = grads[k] * grad_scale;
    params[k].mul_(1 - lr * weight_decay);
    exp_avgs[k].mul_(beta1).add_(g, 1 - beta1);
    exp_avg_sqs[k].mul_(beta2).addcmul_(g, g, 1 - beta2);
    const at::Tensor root = exp_avg_sqs[k].sqrt().div_(std::sqrt(correction2)).add_(eps);
    params[k].addcdiv_(exp_avgs[k], root, -lr / correction1);
  }
}

}  // namespace hyfw
