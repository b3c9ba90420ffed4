// Philox 4x32-10: four uint32 from a 64-bit key and a 64-bit block number.
// c0, c2 are multiplied by constants, halves are mixed with the key, ten times; the key grows by Weyl constants.
// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; the same numbers as core's run/dice.ts.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define HYFW_HOST_DEVICE __host__ __device__
#else
#define HYFW_HOST_DEVICE
#endif

namespace hyfw {

struct PhiloxWords {
  uint32_t word[4];
};

HYFW_HOST_DEVICE inline PhiloxWords philox(uint32_t key_low, uint32_t key_high, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32), c2 = 0, c3 = 0;
  uint32_t k0 = key_low, k1 = key_high;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(0xd2511f53u) * c0;
    const uint64_t p1 = static_cast<uint64_t>(0xcd9e8d57u) * c2;
    const uint32_t next0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const uint32_t next2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = next0;
    c2 = next2;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return {{c0, c1, c2, c3}};
}

/** (word + 0.5) / 2^32, inside (0, 1) and exact in a double. */
HYFW_HOST_DEVICE inline double open_unit(uint32_t word) { return (static_cast<double>(word) + 0.5) * 0x1p-32; }

}  // namespace hyfw
