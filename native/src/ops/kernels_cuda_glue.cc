// Tensors to pointers for the CUDA kernels, on the current stream of their device; launch errors become
// exceptions. The only file that sees both libtorch and CUDA. Compiled when the addon is built for CUDA.
#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "ops/cuda_kernels.h"
#include "ops/cuda_launch.h"

namespace hyfw {

static void check_launch(cudaError_t status, const char* kernel) {
  TORCH_CHECK(status == cudaSuccess, kernel, " was not launched: ", cudaGetErrorString(status));
}

void cuda_keyed_normal(const at::Tensor& keys, const at::Tensor& out, int64_t count) {
  const c10::DeviceGuard guard(keys.device());
  check_launch(launch_keyed_normal(keys.data_ptr<int64_t>(), keys.size(0), count, out.data_ptr<float>(),
                                   c10::cuda::getCurrentCUDAStream(keys.device().index()).stream()),
               "keyed_normal");
}

void cuda_adamw(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                const std::vector<at::Tensor>& exp_avgs, const std::vector<at::Tensor>& exp_avg_sqs,
                const at::Tensor& grad_scale, const AdamWNumbers& numbers) {
  const c10::DeviceGuard guard(params[0].device());
  TORCH_CHECK(grad_scale.device() == params[0].device() && grad_scale.scalar_type() == at::kFloat,
              "grad_scale: expected a float32 scalar on ", params[0].device(), ", found ",
              grad_scale.scalar_type(), " on ", grad_scale.device());
  const auto stream = c10::cuda::getCurrentCUDAStream(params[0].device().index()).stream();
  AdamWGroup group;
  group.size = 0;
  for (size_t k = 0; k < params.size(); ++k) {
    if (params[k].numel() == 0) continue;
    group.arrays[group.size++] = {params[k].data_ptr<float>(), grads[k].data_ptr<float>(),
                                  exp_avgs[k].data_ptr<float>(), exp_avg_sqs[k].data_ptr<float>(),
                                  params[k].numel()};
    if (group.size < kAdamWArrays && k + 1 < params.size()) continue;
    check_launch(launch_adamw(group, grad_scale.data_ptr<float>(), numbers, stream), "adamw");
    group.size = 0;
  }
  if (group.size > 0)
    check_launch(launch_adamw(group, grad_scale.data_ptr<float>(), numbers, stream), "adamw");
}

void cuda_ema_update(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& sources,
                     double decay) {
  const c10::DeviceGuard guard(targets[0].device());
  const auto stream = c10::cuda::getCurrentCUDAStream(targets[0].device().index()).stream();
  const auto keep = static_cast<float>(decay), rest = static_cast<float>(1 - decay);
  EmaGroup group;
  group.size = 0;
  for (size_t k = 0; k < targets.size(); ++k) {
    if (targets[k].numel() > 0)
      group.arrays[group.size++] = {targets[k].data_ptr<float>(), sources[k].data_ptr<float>(),
                                    targets[k].numel()};
    if (group.size == 0 || (group.size < kEmaArrays && k + 1 < targets.size())) continue;
    check_launch(launch_ema(group, keep, rest, stream), "ema");
    group.size = 0;
  }
}

static HeadsCall heads_call(const at::Tensor& x, int64_t heads, const std::string& rules,
                            const std::vector<at::Tensor>& numbers, double eps) {
  const auto pointer = [](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
  };
  HeadsCall call{};
  call.type = x.scalar_type() == at::kFloat  ? CudaType::kFloat
              : x.scalar_type() == at::kHalf ? CudaType::kHalf
                                             : CudaType::kBFloat16;
  call.rows = x.size(0) * x.size(1);
  call.tokens = x.size(1);
  call.parts = static_cast<int>(rules.size());
  call.heads = static_cast<int>(heads);
  call.width = static_cast<int>(x.size(2) / heads / call.parts);
  call.eps = static_cast<float>(eps);
  call.cos = pointer(numbers[4]);
  call.sin = pointer(numbers[5]);
  for (size_t p = 0; p < rules.size(); ++p) {
    const size_t norm = rules[p] == 'q' || rules[p] == 'Q' ? 0 : 2;
    const bool has_norm = rules[p] != 'v';
    call.part[p] = {has_norm ? pointer(numbers[norm]) : nullptr,
                    has_norm ? pointer(numbers[norm + 1]) : nullptr, static_cast<int>(norm),
                    rules[p] == 'Q' || rules[p] == 'K'};
  }
  return call;
}

void cuda_project_heads(const at::Tensor& x, int64_t heads, const std::string& rules,
                        const std::vector<at::Tensor>& numbers, double eps, const at::Tensor& facts,
                        const std::vector<at::Tensor>& outs) {
  const c10::DeviceGuard guard(x.device());
  void* pointers[kHeadParts] = {};
  for (size_t p = 0; p < outs.size(); ++p) pointers[p] = outs[p].data_ptr();
  check_launch(
      launch_heads(heads_call(x, heads, rules, numbers, eps), x.data_ptr(), pointers, facts.data_ptr<float>(),
                   c10::cuda::getCurrentCUDAStream(x.device().index()).stream()),
      "project_heads");
}

void cuda_project_heads_backward(const at::Tensor& x, int64_t heads, const std::string& rules,
                                 const std::vector<at::Tensor>& numbers, const at::Tensor& facts,
                                 const std::vector<at::Tensor>& grads, int64_t rows_per_chunk,
                                 const at::Tensor& dx, const at::Tensor& sums) {
  const c10::DeviceGuard guard(x.device());
  HeadsGrad given[kHeadParts] = {};
  for (size_t p = 0; p < grads.size(); ++p)
    given[p] = {grads[p].data_ptr(), grads[p].stride(0), grads[p].stride(1), grads[p].stride(2)};
  check_launch(
      launch_heads_backward(heads_call(x, heads, rules, numbers, 0), x.data_ptr(), given,
                            facts.data_ptr<float>(), rows_per_chunk, dx.data_ptr(), sums.data_ptr<float>(),
                            c10::cuda::getCurrentCUDAStream(x.device().index()).stream()),
      "project_heads backward");
}

}  // namespace hyfw
