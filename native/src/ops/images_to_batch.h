// Decoded pictures to what the model sees: x = byte / 127.5 − 1, channels first, mirrored where asked.
// [B, H, W, 3] uint8 → [B, 3, H, W] float32.
// The official loader's ToTensor and Normalize(0.5, 0.5), in one pass.
#pragma once
#include <ATen/core/Tensor.h>

namespace hyfw {

/** @param flips uint8 [B], 1 mirrors along W. On the images' device. */
at::Tensor images_to_batch(const at::Tensor& images, const at::Tensor& flips);

}  // namespace hyfw
