// Launchers of the CUDA kernels on the current stream; in files of their own, so that no .cu file sees libtorch.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace hyfw {

/** @param keys int64 [B, 2]; @param out float32 [B, count] */
void cuda_keyed_normal(const at::Tensor& keys, const at::Tensor& out, int64_t count);

struct AdamWNumbers;
void cuda_adamw(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                const std::vector<at::Tensor>& exp_avgs, const std::vector<at::Tensor>& exp_avg_sqs,
                const at::Tensor& grad_scale, const AdamWNumbers& numbers);

}  // namespace hyfw
