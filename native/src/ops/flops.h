// Floating-point operations of linear layers and attention, counted as they are asked for.
// A product [M, K]·[K, N] is 2·M·K·N; with its gradient three times that. Everything else is left out.
// Counted once per call, on every device, so that a walk over shapes on `meta` counts as a real one does.
#pragma once
#include <atomic>

namespace hyfw {

inline std::atomic<double> counted_flops{0};

inline void count_flops(double flops) {
  double before = counted_flops.load(std::memory_order_relaxed);
  while (!counted_flops.compare_exchange_weak(before, before + flops, std::memory_order_relaxed)) {
  }
}

}  // namespace hyfw
