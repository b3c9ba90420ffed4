// CUDA memory: what libtorch's caching allocator holds, and copies beside the computing stream.
// A copy starts when the current stream has come as far as it was told to until now, and runs beside it.
// Compiled when the addon is built for CUDA.
#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <map>
#include <mutex>

#include "ops/cuda_launch.h"

namespace hyfw {

static void check(cudaError_t status, const char* what) {
  TORCH_CHECK(status == cudaSuccess, what, ": ", cudaGetErrorString(status));
}

static c10::DeviceIndex current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "no CUDA device");
  return static_cast<c10::DeviceIndex>(device);
}

MemoryStats cuda_memory_stats() {
  // The first of each statistic counts both pools of the allocator together.
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(current_device());
  return {stats.allocated_bytes[0].current, stats.allocated_bytes[0].peak};
}

void cuda_reset_memory_peak() { c10::cuda::CUDACachingAllocator::resetPeakStats(current_device()); }

namespace {

struct Copies {
  cudaEvent_t done;
  /** Kept until the copies are done, so that neither end's memory goes to others before. */
  std::vector<at::Tensor> tensors;
};

std::mutex copies_mutex;
std::map<int64_t, Copies> running;
int64_t next_ticket = 1;

/** One stream per device for all copies, so that they keep their order. */
c10::cuda::CUDAStream copy_stream(c10::DeviceIndex device) {
  static std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;
  const auto found = streams.find(device);
  if (found != streams.end()) return found->second;
  return streams.emplace(device, c10::cuda::getStreamFromPool(false, device)).first->second;
}

}  // namespace

int64_t cuda_copy_beside(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& sources) {
  c10::NoGradGuard no_grad;
  std::lock_guard<std::mutex> lock(copies_mutex);
  c10::DeviceIndex device = -1;
  for (size_t k = 0; k < targets.size(); ++k)
    for (const at::Tensor& one : {targets[k], sources[k]})
      if (one.is_cuda()) device = one.device().index();
  TORCH_CHECK(device >= 0, "expected a tensor on CUDA among those to copy");
  const c10::DeviceGuard guard(at::Device(at::kCUDA, device));
  const auto side = copy_stream(device);
  cudaEvent_t ready, done;
  check(cudaEventCreateWithFlags(&ready, cudaEventDisableTiming), "no CUDA event");
  check(cudaEventCreateWithFlags(&done, cudaEventDisableTiming), "no CUDA event");
  check(cudaEventRecord(ready, c10::cuda::getCurrentCUDAStream(device).stream()), "event not recorded");
  check(cudaStreamWaitEvent(side.stream(), ready, 0), "the side stream does not wait");
  check(cudaEventDestroy(ready), "event not freed");
  {
    const c10::cuda::CUDAStreamGuard on_side(side);
    for (size_t k = 0; k < targets.size(); ++k) targets[k].copy_(sources[k], /*non_blocking=*/true);
  }
  check(cudaEventRecord(done, side.stream()), "event not recorded");
  Copies copies{done, targets};
  copies.tensors.insert(copies.tensors.end(), sources.begin(), sources.end());
  running.emplace(next_ticket, std::move(copies));
  return next_ticket++;
}

void cuda_finish_copies(int64_t ticket, bool on_host) {
  Copies copies;
  {
    std::lock_guard<std::mutex> lock(copies_mutex);
    const auto found = running.find(ticket);
    if (found == running.end()) return;
    copies = std::move(found->second);
    running.erase(found);
  }
  if (on_host) {
    check(cudaEventSynchronize(copies.done), "copies failed");
  } else {
    for (const at::Tensor& one : copies.tensors) {
      if (!one.is_cuda()) continue;
      const auto stream = c10::cuda::getCurrentCUDAStream(one.device().index());
      check(cudaStreamWaitEvent(stream.stream(), copies.done, 0), "the stream does not wait");
      c10::cuda::CUDACachingAllocator::recordStream(one.storage().data_ptr(),
                                                    copy_stream(one.device().index()));
    }
  }
  check(cudaEventDestroy(copies.done), "event not freed");
}

}  // namespace hyfw
