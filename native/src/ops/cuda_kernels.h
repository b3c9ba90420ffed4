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

/** One tensor of a moving average; both arrays are float32 of `count` elements. */
struct EmaArrays {
  float* target;
  const float* source;
  int64_t count;
};

/** Tensors that one launch takes. */
constexpr int kEmaArrays = 128;
struct EmaGroup {
  EmaArrays arrays[kEmaArrays];
  int size;
};

cudaError_t launch_ema(const EmaGroup& group, float keep, float rest, cudaStream_t stream);

/** Element types that kernels over activations take. */
enum class CudaType { kFloat, kHalf, kBFloat16 };

/** Parts that one projection may be split into. */
constexpr int kHeadParts = 4;
/** Widest head. */
constexpr int kHeadWidth = 256;

/** What a part of a projection goes through; null pointers are "none". */
struct HeadPart {
  const float* weight;  // [K]
  const float* bias;    // [K]
  /** Place of the sums of dweight in a chunk's [4, K]; dbias follows. */
  int sums;
  bool is_rotated;
};

/** One projection [B·L, P, N, K] and its parts. */
struct HeadsCall {
  CudaType type;
  int64_t rows;    // B·L
  int64_t tokens;  // L
  int parts, heads, width;
  float eps;
  const float* cos;  // [L, K] or null
  const float* sin;
  HeadPart part[kHeadParts];
};

/** Strides of one gradient [B, N, L, K] in elements; the last is 1. */
struct HeadsGrad {
  const void* data;
  int64_t batch, head, token;
};

/** @param outs per part [B·L, N, K]; @param facts float32 [B·L, P, N, 2]: mean and 1/deviation */
cudaError_t launch_heads(const HeadsCall& call, const void* x, void* const outs[kHeadParts], float* facts,
                         cudaStream_t stream);
/** @param sums float32 [chunks, 4, K], zeros; a chunk is `rows_per_chunk` rows */
cudaError_t launch_heads_backward(const HeadsCall& call, const void* x, const HeadsGrad grads[kHeadParts],
                                  const float* facts, int64_t rows_per_chunk, void* dx, float* sums,
                                  cudaStream_t stream);

}  // namespace hyfw
