// One AdamW step over many tensors in one call; formula in adamw_numbers.h.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace hyfw {

/**
 * In place. All float32, dense, lists of equal length and shapes; gradients may be bfloat16. grad_scale is a
 * float32 scalar that every gradient is multiplied by; step counts from 1.
 */
void adamw(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
           const std::vector<at::Tensor>& exp_avgs, const std::vector<at::Tensor>& exp_avg_sqs,
           const at::Tensor& grad_scale, double lr, double beta1, double beta2, double eps,
           double weight_decay, int64_t step);

/** The same from plain ATen ops, one tensor after the other: what the fused one is tested against. */
void adamw_reference(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                     const std::vector<at::Tensor>& exp_avgs, const std::vector<at::Tensor>& exp_avg_sqs,
                     const at::Tensor& grad_scale, double lr, double beta1, double beta2, double eps,
                     double weight_decay, int64_t step);

}  // namespace hyfw
