// Rows of float32 or bfloat16 as float32, in loops that compilers turn into vector instructions.
#pragma once
#include <c10/util/BFloat16.h>

#include <cstdint>
#include <cstring>

namespace hyfw {

inline float widen(float x) { return x; }
inline float widen(c10::BFloat16 x) {
  const uint32_t bits = static_cast<uint32_t>(x.x) << 16;
  float wide;
  std::memcpy(&wide, &bits, 4);
  return wide;
}

inline void narrow_to(float x, float& out) { out = x; }
/** Rounds to nearest, ties to even; NaN stays NaN. */
inline void narrow_to(float x, c10::BFloat16& out) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  out.x = static_cast<uint16_t>(x != x ? 0x7fc0u : rounded);
}

}  // namespace hyfw
