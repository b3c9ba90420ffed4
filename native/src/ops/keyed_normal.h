// Normal numbers that depend on (key of the sample, place in the sample) only.
// Block b of four words gives elements 4b…4b+3: sqrt(-2 ln u0)·(cos, sin)(2π u1), the same from words 2 and 3.
// Box and Muller 1958, in double, rounded to float32, so that CPU and CUDA agree to the last bits.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace hyfw {

/** @param keys int64 [B, 2]: low and high word. @returns float32 [B, …shape] on the keys' device. */
at::Tensor keyed_normal(const at::Tensor& keys, at::IntArrayRef shape);

}  // namespace hyfw
