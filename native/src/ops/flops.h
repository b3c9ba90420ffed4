// Floating-point operations of linear layers and attention, counted as they are asked for.
// A product [M, K]·[K, N] is 2·M·K·N; its gradient is one more for each side that asks for one.
// Counted once per call, on every device, so that a walk over shapes on `meta` counts as a real one does.
#pragma once
#include <atomic>

namespace hyfw {

/** Products computed, again or not; recorded ones, each once; products of gradients. */
inline std::atomic<double> made_flops{0}, recorded_flops{0}, gradient_flops{0};

inline void add_flops(std::atomic<double>& count, double flops) {
  double before = count.load(std::memory_order_relaxed);
  while (!count.compare_exchange_weak(before, before + flops, std::memory_order_relaxed)) {
  }
}

/**
 * @param flops of one layer's products
 * @param is_made whether they are computed now
 * @param gradients how many products of the same size their gradient will take; 0 when nothing is recorded
 */
inline void count_flops(double flops, bool is_made, int gradients) {
  if (is_made) add_flops(made_flops, flops);
  if (gradients == 0) return;
  add_flops(recorded_flops, flops);
  add_flops(gradient_flops, gradients * flops);
}

}  // namespace hyfw
