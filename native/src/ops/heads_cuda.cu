// Heads, norms and rotary positions of attention in one pass on CUDA, forward and backward; formula in
// heads.h. One warp takes one head of one row; a lane owns the pairs (2i, 2i + 1) with i = lane, lane + 32, …
// Sums within a head go over the warp's lanes; those of weights over a chunk of rows, one block per chunk, in
// a fixed order, so that the same input gives the same bits.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "ops/cuda_kernels.h"

namespace hyfw {

namespace {

constexpr int kWarp = 32;
constexpr int kWarps = 8;
/** Pairs that one lane owns at most. */
constexpr int kPairs = kHeadWidth / 2 / kWarp;

__device__ float2 load_pair(const float* x) { return make_float2(x[0], x[1]); }
__device__ float2 load_pair(const __half* x) { return make_float2(__half2float(x[0]), __half2float(x[1])); }
__device__ float2 load_pair(const __nv_bfloat16* x) {
  return make_float2(__bfloat162float(x[0]), __bfloat162float(x[1]));
}
__device__ void store_pair(float* x, float2 pair) { x[0] = pair.x, x[1] = pair.y; }
__device__ void store_pair(__half* x, float2 pair) {
  x[0] = __float2half_rn(pair.x), x[1] = __float2half_rn(pair.y);
}
__device__ void store_pair(__nv_bfloat16* x, float2 pair) {
  x[0] = __float2bfloat16_rn(pair.x), x[1] = __float2bfloat16_rn(pair.y);
}

__device__ float warp_sum(float value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

template <class T>
__global__ void heads_kernel(const HeadsCall call, const T* x, T* out0, T* out1, T* out2, T* out3,
                             float* facts) {
  T* const outs[kHeadParts] = {out0, out1, out2, out3};
  const int lane = threadIdx.x % kWarp, pairs = call.width / 2;
  const int64_t items = call.rows * call.parts * call.heads;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kWarps;
  for (int64_t item = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp; item < items;
       item += stride) {
    const int head = static_cast<int>(item % call.heads);
    const int p = static_cast<int>(item / call.heads % call.parts);
    const int64_t row = item / call.heads / call.parts;
    const HeadPart& part = call.part[p];
    float2 y[kPairs];
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + j * kWarp;
      y[j] = i < pairs ? load_pair(x + item * call.width + 2 * i) : make_float2(0.f, 0.f);
    }
    if (part.weight != nullptr) {
      float sum = 0.f;
      for (int j = 0; j < kPairs; ++j) sum += y[j].x + y[j].y;
      const float mean = warp_sum(sum) / static_cast<float>(call.width);
      float squares = 0.f;
      for (int j = 0; j < kPairs; ++j) {
        if (lane + j * kWarp >= pairs) continue;
        y[j].x -= mean, y[j].y -= mean;
        squares += y[j].x * y[j].x + y[j].y * y[j].y;
      }
      const float rstd = 1.f / sqrtf(warp_sum(squares) / static_cast<float>(call.width) + call.eps);
      if (lane == 0) facts[2 * item] = mean, facts[2 * item + 1] = rstd;
      for (int j = 0; j < kPairs; ++j) {
        const int i = lane + j * kWarp;
        if (i >= pairs) continue;
        y[j].x = y[j].x * rstd * part.weight[2 * i] + part.bias[2 * i];
        y[j].y = y[j].y * rstd * part.weight[2 * i + 1] + part.bias[2 * i + 1];
      }
    }
    const int64_t position = row % call.tokens;
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + j * kWarp;
      if (i >= pairs) continue;
      if (part.is_rotated) {
        const float* c = call.cos + position * call.width + 2 * i;
        const float* s = call.sin + position * call.width + 2 * i;
        y[j] = make_float2(y[j].x * c[0] - y[j].y * s[0], y[j].y * c[1] + y[j].x * s[1]);
      }
      store_pair(outs[p] + (row * call.heads + head) * call.width + 2 * i, y[j]);
    }
  }
}

/** Part p of every row; the block's index is its chunk. */
template <class T>
__global__ void heads_backward_kernel(const HeadsCall call, int p, const T* x, const HeadsGrad grad,
                                      const float* facts, int64_t rows_per_chunk, T* dx, float* sums) {
  // Per warp, dweight then dbias.
  __shared__ float shared[kWarps][2][kHeadWidth];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, pairs = call.width / 2;
  const HeadPart& part = call.part[p];
  float2 dweight[kPairs], dbias[kPairs];
  for (int j = 0; j < kPairs; ++j) dweight[j] = dbias[j] = make_float2(0.f, 0.f);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * rows_per_chunk;
  const int64_t end = first + rows_per_chunk < call.rows ? first + rows_per_chunk : call.rows;
  for (int64_t place = first * call.heads + warp; place < end * call.heads; place += kWarps) {
    const int64_t row = place / call.heads, head = place % call.heads;
    const int64_t item = (row * call.parts + p) * call.heads + head;
    const int64_t position = row % call.tokens;
    const T* from = static_cast<const T*>(grad.data) + row / call.tokens * grad.batch + head * grad.head +
                    position * grad.token;
    float2 g[kPairs], centred[kPairs];
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + j * kWarp;
      g[j] = i < pairs ? load_pair(from + 2 * i) : make_float2(0.f, 0.f);
      if (part.is_rotated && i < pairs) {
        const float* c = call.cos + position * call.width + 2 * i;
        const float* s = call.sin + position * call.width + 2 * i;
        g[j] = make_float2(g[j].x * c[0] + g[j].y * s[1], g[j].y * c[1] - g[j].x * s[0]);
      }
    }
    if (part.weight != nullptr) {
      const float mean = facts[2 * item], rstd = facts[2 * item + 1];
      float sum = 0.f, along = 0.f;
      for (int j = 0; j < kPairs; ++j) {
        const int i = lane + j * kWarp;
        centred[j] = make_float2(0.f, 0.f);
        if (i >= pairs) continue;
        const float2 value = load_pair(x + item * call.width + 2 * i);
        centred[j] = make_float2((value.x - mean) * rstd, (value.y - mean) * rstd);
        dweight[j].x += g[j].x * centred[j].x, dweight[j].y += g[j].y * centred[j].y;
        dbias[j].x += g[j].x, dbias[j].y += g[j].y;
        g[j].x *= part.weight[2 * i], g[j].y *= part.weight[2 * i + 1];
        sum += g[j].x + g[j].y;
        along += g[j].x * centred[j].x + g[j].y * centred[j].y;
      }
      sum = warp_sum(sum) / static_cast<float>(call.width);
      along = warp_sum(along) / static_cast<float>(call.width);
      for (int j = 0; j < kPairs; ++j) {
        g[j].x = rstd * (g[j].x - sum - centred[j].x * along);
        g[j].y = rstd * (g[j].y - sum - centred[j].y * along);
      }
    }
    for (int j = 0; j < kPairs; ++j) {
      const int i = lane + j * kWarp;
      if (i < pairs) store_pair(dx + item * call.width + 2 * i, g[j]);
    }
  }
  if (part.weight == nullptr) return;  // the same for the whole block
  for (int j = 0; j < kPairs; ++j) {
    const int i = lane + j * kWarp;
    if (i >= pairs) continue;
    store_pair(&shared[warp][0][2 * i], dweight[j]);
    store_pair(&shared[warp][1][2 * i], dbias[j]);
  }
  __syncthreads();
  float* chunk = sums + (static_cast<int64_t>(blockIdx.x) * 4 + part.sums) * call.width;
  for (int k = threadIdx.x; k < 2 * call.width; k += kWarp * kWarps) {
    float total = 0.f;
    for (int w = 0; w < kWarps; ++w) total += shared[w][k / call.width][k % call.width];
    chunk[k] += total;
  }
}

template <class T>
cudaError_t run(const HeadsCall& call, const void* x, void* const outs[kHeadParts], float* facts,
                cudaStream_t stream) {
  const int64_t wanted = (call.rows * call.parts * call.heads + kWarps - 1) / kWarps;
  const auto grid = static_cast<unsigned>(wanted < 65535 ? wanted : 65535);
  heads_kernel<T><<<grid, kWarp * kWarps, 0, stream>>>(
      call, static_cast<const T*>(x), static_cast<T*>(outs[0]), static_cast<T*>(outs[1]),
      static_cast<T*>(outs[2]), static_cast<T*>(outs[3]), facts);
  return cudaGetLastError();
}

template <class T>
cudaError_t run_backward(const HeadsCall& call, const void* x, const HeadsGrad grads[kHeadParts],
                         const float* facts, int64_t rows_per_chunk, void* dx, float* sums,
                         cudaStream_t stream) {
  const int64_t chunks = (call.rows + rows_per_chunk - 1) / rows_per_chunk;
  // Parts with the same norm add to the same sums, so each is a launch of its own, one after the other.
  for (int p = 0; p < call.parts; ++p) {
    heads_backward_kernel<T><<<static_cast<unsigned>(chunks), kWarp * kWarps, 0, stream>>>(
        call, p, static_cast<const T*>(x), grads[p], facts, rows_per_chunk, static_cast<T*>(dx), sums);
    const cudaError_t status = cudaGetLastError();
    if (status != cudaSuccess) return status;
  }
  return cudaSuccess;
}

}  // namespace

cudaError_t launch_heads(const HeadsCall& call, const void* x, void* const outs[kHeadParts], float* facts,
                         cudaStream_t stream) {
  if (call.type == CudaType::kFloat) return run<float>(call, x, outs, facts, stream);
  if (call.type == CudaType::kHalf) return run<__half>(call, x, outs, facts, stream);
  return run<__nv_bfloat16>(call, x, outs, facts, stream);
}

cudaError_t launch_heads_backward(const HeadsCall& call, const void* x, const HeadsGrad grads[kHeadParts],
                                  const float* facts, int64_t rows_per_chunk, void* dx, float* sums,
                                  cudaStream_t stream) {
  const auto by = call.type == CudaType::kFloat  ? run_backward<float>
                  : call.type == CudaType::kHalf ? run_backward<__half>
                                                 : run_backward<__nv_bfloat16>;
  return by(call, x, grads, facts, rows_per_chunk, dx, sums, stream);
}

}  // namespace hyfw
