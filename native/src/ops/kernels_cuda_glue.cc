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

}  // namespace hyfw
