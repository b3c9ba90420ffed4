// Normal numbers keyed per sample, on the CPU; formula in keyed_normal.h.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "ops/keyed_normal.h"
#include "ops/philox.h"
#ifdef HYFW_CUDA
#include "ops/cuda_launch.h"
#endif

namespace hyfw {

static void fill(uint32_t low, uint32_t high, float* out, int64_t count, int64_t first_block, int64_t last_block) {
  constexpr double kTwoPi = 6.283185307179586476925286766559;
  for (int64_t block = first_block; block < last_block; ++block) {
    const PhiloxWords words = philox(low, high, static_cast<uint64_t>(block));
    for (int pair = 0; pair < 2; ++pair) {
      const double radius = std::sqrt(-2.0 * std::log(open_unit(words.word[2 * pair])));
      const double angle = kTwoPi * open_unit(words.word[2 * pair + 1]);
      const int64_t place = 4 * block + 2 * pair;
      if (place < count) out[place] = static_cast<float>(radius * std::cos(angle));
      if (place + 1 < count) out[place + 1] = static_cast<float>(radius * std::sin(angle));
    }
  }
}

at::Tensor keyed_normal(const at::Tensor& keys, at::IntArrayRef shape) {
  TORCH_CHECK(keys.dim() == 2 && keys.size(1) == 2 && keys.scalar_type() == at::kLong,
              "keys: expected int64 [B, 2], found ", keys.sizes(), " ", keys.scalar_type());
  std::vector<int64_t> sizes{keys.size(0)};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  at::Tensor out = at::empty(sizes, keys.options().dtype(at::kFloat));
  if (out.numel() == 0) return out;
  const int64_t count = out.numel() / keys.size(0);
#ifdef HYFW_CUDA
  if (keys.is_cuda()) {
    cuda_keyed_normal(keys.contiguous(), out, count);
    return out;
  }
#endif
  if (!keys.device().is_cpu()) return keyed_normal(keys.cpu(), shape).to(keys.device());
  const at::Tensor whole = keys.contiguous();
  const int64_t* words = whole.data_ptr<int64_t>();
  float* numbers = out.data_ptr<float>();
  const int64_t blocks = (count + 3) / 4;
  at::parallel_for(0, keys.size(0) * blocks, 2048, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t sample = begin / blocks, first = begin % blocks;
      const int64_t last = std::min(blocks, first + (end - begin));
      fill(static_cast<uint32_t>(words[2 * sample]), static_cast<uint32_t>(words[2 * sample + 1]),
           numbers + sample * count, count, first, last);
      begin += last - first;
    }
  });
  return out;
}

}  // namespace hyfw
