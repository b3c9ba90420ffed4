// One AdamW step over a group of tensors in one launch; formula in adamw_numbers.h.
// Block (x, y) takes piece x of tensor y, in strides of the grid's width.
// The element's arithmetic is the CPU's; contraction to fused multiply-adds may change last bits.
#include "ops/cuda_kernels.h"

namespace hyfw {

__global__ void adamw_kernel(const AdamWGroup group, const float* grad_scale, const AdamWNumbers numbers) {
  const AdamWArrays arrays = group.arrays[blockIdx.y];
  const float scale = *grad_scale;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t k = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; k < arrays.count;
       k += stride) {
    float p = arrays.param[k], m = arrays.exp_avg[k], v = arrays.exp_avg_sq[k];
    adamw_element(p, arrays.grad[k] * scale, m, v, numbers);
    arrays.param[k] = p;
    arrays.exp_avg[k] = m;
    arrays.exp_avg_sq[k] = v;
  }
}

cudaError_t launch_adamw(const AdamWGroup& group, const float* grad_scale, const AdamWNumbers& numbers,
                         cudaStream_t stream) {
  int64_t largest = 1;
  for (int k = 0; k < group.size; ++k)
    largest = group.arrays[k].count > largest ? group.arrays[k].count : largest;
  constexpr int kThreads = 256;
  const int64_t wanted = (largest + kThreads * 4 - 1) / (kThreads * 4);
  const dim3 grid(static_cast<unsigned>(wanted < 2048 ? wanted : 2048), static_cast<unsigned>(group.size));
  adamw_kernel<<<grid, kThreads, 0, stream>>>(group, grad_scale, numbers);
  return cudaGetLastError();
}

}  // namespace hyfw
