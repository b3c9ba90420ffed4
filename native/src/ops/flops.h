// Floating-point operations of linear layers and attention, counted as they are asked for.
// A product [M, K]·[K, N] is 2·M·K·N; its gradient is two more. Everything else is left out.
// Counted once per call, on every device, so that a walk over shapes on `meta` counts as a real one does.
#pragma once
#include <atomic>

namespace hyfw {

inline std::atomic<double> forward_flops{0}, backward_flops{0};

inline void add_flops(std::atomic<double>& count, double flops) {
  double before = count.load(std::memory_order_relaxed);
  while (!count.compare_exchange_weak(before, before + flops, std::memory_order_relaxed)) {
  }
}

/** @param flops of the products; @param is_made whether they are computed now; @param is_recorded whether
 * their gradient will be */
inline void count_flops(double flops, bool is_made, bool is_recorded) {
  if (is_made) add_flops(forward_flops, flops);
  if (is_recorded) add_flops(backward_flops, 2 * flops);
}

}  // namespace hyfw
