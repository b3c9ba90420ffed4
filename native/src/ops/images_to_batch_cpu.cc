// Decoded pictures to float planes on the CPU; other devices by plain ops. See images_to_batch.h.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "ops/images_to_batch.h"

namespace hyfw {

/** byte / 255 rounded to float32, then (x − 0.5) / 0.5: the official order of roundings. */
static float level(uint8_t byte) { return (static_cast<float>(byte) / 255.0f - 0.5f) / 0.5f; }

at::Tensor images_to_batch(const at::Tensor& images, const at::Tensor& flips) {
  TORCH_CHECK(images.dim() == 4 && images.size(3) == 3 && images.scalar_type() == at::kByte,
              "images: expected uint8 [B, H, W, 3], found ", images.scalar_type(), " ", images.sizes());
  const int64_t batch = images.size(0), height = images.size(1), width = images.size(2);
  TORCH_CHECK(flips.dim() == 1 && flips.size(0) == batch && flips.scalar_type() == at::kByte,
              "flips: expected uint8 [", batch, "], found ", flips.scalar_type(), " ", flips.sizes());
  if (!images.device().is_cpu()) {
    const at::Tensor planes = (images.permute({0, 3, 1, 2}).to(at::kFloat).div(255.0).sub(0.5)).div(0.5);
    return at::where(flips.to(images.device()).view({batch, 1, 1, 1}) == 1, planes.flip({3}), planes).contiguous();
  }
  const at::Tensor whole = images.contiguous(), mirrored = flips.to(at::kCPU).contiguous();
  at::Tensor out = at::empty({batch, 3, height, width}, images.options().dtype(at::kFloat));
  float levels[256];
  for (int byte = 0; byte < 256; ++byte) levels[byte] = level(static_cast<uint8_t>(byte));
  const uint8_t* bytes = whole.data_ptr<uint8_t>();
  const uint8_t* flip = mirrored.data_ptr<uint8_t>();
  float* planes = out.data_ptr<float>();
  at::parallel_for(0, batch * height, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t sample = row / height, y = row % height;
      const uint8_t* from = bytes + row * width * 3;
      for (int64_t channel = 0; channel < 3; ++channel) {
        float* to = planes + ((sample * 3 + channel) * height + y) * width;
        if (flip[sample] == 1)
          for (int64_t x = 0; x < width; ++x) to[x] = levels[from[(width - 1 - x) * 3 + channel]];
        else
          for (int64_t x = 0; x < width; ++x) to[x] = levels[from[x * 3 + channel]];
      }
    }
  });
  return out;
}

}  // namespace hyfw
