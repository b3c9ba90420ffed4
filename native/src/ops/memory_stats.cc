// Counting allocators; see memory_stats.h.
#include "ops/memory_stats.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <atomic>
#include <cstring>
#include <mutex>

#ifdef HYFW_CUDA
#include "ops/cuda_launch.h"
#endif

namespace hyfw {

namespace {

struct Count {
  std::atomic<int64_t> held{0}, peak{0};
  bool is_on = false;

  void add(int64_t bytes) {
    const int64_t now = held.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    int64_t most = peak.load(std::memory_order_relaxed);
    while (now > most && !peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
    }
  }
  MemoryStats stats() const { return is_on ? MemoryStats{held.load(), peak.load()} : MemoryStats{-1, -1}; }
  void reset() { peak.store(held.load()); }
};

Count cpu, meta;
c10::DeleterFnPtr free_of_cpu = nullptr;

#if defined(__GLIBC__) && defined(__x86_64__)
void free_counted(void* data) {
  cpu.add(-static_cast<int64_t>(malloc_usable_size(data)));
  free_of_cpu(data);
}

/** libtorch's own allocator, which gets memory from malloc and so can be asked for a block's size. */
struct CountingCpu final : c10::Allocator {
  explicit CountingCpu(c10::Allocator* under) : under_(under) {}
  at::DataPtr allocate(size_t bytes) const { return counted(under_->allocate(bytes)); }
  at::DataPtr allocate(size_t bytes) { return counted(under_->allocate(bytes)); }
  c10::DeleterFnPtr raw_deleter() const override { return &free_counted; }
  void copy_data(void* to, const void* from, std::size_t count) const { std::memcpy(to, from, count); }

 private:
  static at::DataPtr counted(at::DataPtr given) {
    void* data = given.get();
    if (data == nullptr || given.get_context() != data) return given;
    cpu.add(static_cast<int64_t>(malloc_usable_size(data)));
    const auto device = given.device();
    given.release_context();
    return {data, data, &free_counted, device};
  }
  c10::Allocator* under_;
};

void count_cpu() {
  c10::Allocator* under = c10::GetCPUAllocator();
  free_of_cpu = under->raw_deleter();
  if (free_of_cpu == nullptr) return;
  c10::SetCPUAllocator(new CountingCpu(under), 1);  // lives as long as the process
  cpu.is_on = true;
}
#else
void count_cpu() {}
#endif

void forget_meta(void* context) {
  auto* bytes = static_cast<int64_t*>(context);
  meta.add(-*bytes);
  delete bytes;
}

/** No memory, as libtorch's own of this device; the context carries the size that there would be. */
struct CountingMeta final : c10::Allocator {
  at::DataPtr allocate(size_t bytes) const { return counted(bytes); }
  at::DataPtr allocate(size_t bytes) { return counted(bytes); }
  void copy_data(void*, const void*, std::size_t) const {}

 private:
  static at::DataPtr counted(size_t bytes) {
    const auto device = at::Device(at::kMeta);
    if (bytes == 0) return {nullptr, nullptr, &c10::detail::deleteNothing, device};
    meta.add(static_cast<int64_t>(bytes));
    return {nullptr, new int64_t(static_cast<int64_t>(bytes)), &forget_meta, device};
  }
};

Count& count_of(const std::string& device) {
  TORCH_CHECK(device == "cpu" || device == "meta", "expected cpu, meta or cuda, found ", device);
  return device == "cpu" ? cpu : meta;
}

}  // namespace

void count_memory() {
  static std::once_flag once;
  std::call_once(once, [] {
    count_cpu();
    c10::SetAllocator(at::kMeta, new CountingMeta, 1);
    meta.is_on = true;
  });
}

MemoryStats memory_stats(const std::string& device) {
#ifdef HYFW_CUDA
  if (device.rfind("cuda", 0) == 0) return cuda_memory_stats();
#endif
  if (device.rfind("cuda", 0) == 0) return {-1, -1};
  return count_of(device).stats();
}

void reset_memory_peak(const std::string& device) {
#ifdef HYFW_CUDA
  if (device.rfind("cuda", 0) == 0) return cuda_reset_memory_peak();
#endif
  if (device.rfind("cuda", 0) != 0) count_of(device).reset();
}

}  // namespace hyfw
