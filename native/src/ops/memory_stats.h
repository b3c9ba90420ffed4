// Bytes that tensors hold on the CPU and on `meta`, now and at most, by allocators that count.
// held ← held ± size; peak ← max(peak, held). On `meta` nothing is allocated, so a walk over a model there
// tells the memory that it would need. Only what goes through libtorch's allocators is seen.
#pragma once
#include <cstdint>
#include <string>

namespace hyfw {

struct MemoryStats {
  int64_t held;
  int64_t peak;
};

/** Puts counting allocators in front of libtorch's; once per process, before the first tensor. */
void count_memory();
/** @param device "cpu", "meta", or "cuda" where the addon is built for it; −1 where nobody counts */
MemoryStats memory_stats(const std::string& device);
/** Starts the peak anew from what is held now. */
void reset_memory_peak(const std::string& device);

}  // namespace hyfw
