// Launchers with plain pointers and a stream, so that no .cu file sees libtorch. Each returns the launch's
// error code.
#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

#include "ops/adamw_numbers.h"

namespace hyfw {

/** One tensor of an AdamW step; all four arrays are float32 of `count` elements. */
struct AdamWArrays {
  float* param;
  const float* grad;
  float* exp_avg;
  float* exp_avg_sq;
  int64_t count;
};

/** Tensors that one launch takes: as many as fit beside the numbers into 4 KiB of kernel arguments. */
constexpr int kAdamWArrays = 96;
struct AdamWGroup {
  AdamWArrays arrays[kAdamWArrays];
  int size;
};

cudaError_t launch_adamw(const AdamWGroup& group, const float* grad_scale, const AdamWNumbers& numbers,
                         cudaStream_t stream);
cudaError_t launch_keyed_normal(const int64_t* keys, int64_t samples, int64_t count, float* out,
                                cudaStream_t stream);

}  // namespace hyfw
