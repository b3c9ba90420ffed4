// Normal numbers keyed per sample, on CUDA; formula in keyed_normal.h.
// One thread makes one block of four numbers; grid y is the sample.
// In double and rounded at the end, as on the CPU.
#include "ops/cuda_kernels.h"
#include "ops/philox.h"

namespace hyfw {

__global__ void keyed_normal_kernel(const int64_t* keys, int64_t samples, int64_t count, float* out) {
  constexpr double kTwoPi = 6.283185307179586476925286766559;
  const int64_t blocks = (count + 3) / 4;
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t place = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; place < samples * blocks;
       place += stride) {
    const int64_t sample = place / blocks, block = place % blocks;
    const PhiloxWords words =
        philox(static_cast<uint32_t>(keys[2 * sample]), static_cast<uint32_t>(keys[2 * sample + 1]),
               static_cast<uint64_t>(block));
    for (int pair = 0; pair < 2; ++pair) {
      const double radius = sqrt(-2.0 * log(open_unit(words.word[2 * pair])));
      const double angle = kTwoPi * open_unit(words.word[2 * pair + 1]);
      const int64_t first = 4 * block + 2 * pair;
      if (first < count) out[sample * count + first] = static_cast<float>(radius * cos(angle));
      if (first + 1 < count) out[sample * count + first + 1] = static_cast<float>(radius * sin(angle));
    }
  }
}

cudaError_t launch_keyed_normal(const int64_t* keys, int64_t samples, int64_t count, float* out,
                                cudaStream_t stream) {
  constexpr int kThreads = 256;
  const int64_t wanted = (samples * ((count + 3) / 4) + kThreads - 1) / kThreads;
  const unsigned grid = static_cast<unsigned>(wanted < 65535 ? wanted : 65535);
  keyed_normal_kernel<<<grid, kThreads, 0, stream>>>(keys, samples, count, out);
  return cudaGetLastError();
}

}  // namespace hyfw
