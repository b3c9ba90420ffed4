// The moving average over a group of tensors in one launch.
// target ← keep·target + rest·source.
// Polyak and Juditsky 1992; block (x, y) takes piece x of tensor y, in strides of the grid's width.
#include "ops/cuda_kernels.h"

namespace hyfw {

__global__ void ema_kernel(const EmaGroup group, float keep, float rest) {
  const EmaArrays arrays = group.arrays[blockIdx.y];
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t k = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; k < arrays.count; k += stride)
    arrays.target[k] = keep * arrays.target[k] + rest * arrays.source[k];
}

cudaError_t launch_ema(const EmaGroup& group, float keep, float rest, cudaStream_t stream) {
  int64_t largest = 1;
  for (int k = 0; k < group.size; ++k)
    largest = group.arrays[k].count > largest ? group.arrays[k].count : largest;
  constexpr int kThreads = 256;
  const int64_t wanted = (largest + kThreads * 4 - 1) / (kThreads * 4);
  const dim3 grid(static_cast<unsigned>(wanted < 2048 ? wanted : 2048), static_cast<unsigned>(group.size));
  ema_kernel<<<grid, kThreads, 0, stream>>>(group, keep, rest);
  return cudaGetLastError();
}

}  // namespace hyfw
