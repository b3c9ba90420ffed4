// Which device `meta` tensors stand for, and which kernels are chosen: settings of the whole process.
// A model that is walked on `meta` takes the paths of the device that it is planned for, so that shapes,
// saved tensors and temporaries are those of that device.
#pragma once
#include <ATen/core/Tensor.h>

#include <atomic>
#include <string>

namespace hyfw {

/** Where hyfw's own kernels run: `kAuto` is the CPU only, `kFused` CUDA too, `kPlain` nowhere. */
enum class Kernels { kAuto, kFused, kPlain };
inline std::atomic<Kernels> chosen_kernels{Kernels::kAuto};
inline std::atomic<bool> meta_is_cuda{false};

inline bool acts_as_cpu(const at::Tensor& x) {
  return x.device().is_cpu() || (x.device().is_meta() && !meta_is_cuda.load());
}
inline bool acts_as_cuda(const at::Tensor& x) {
  return x.is_cuda() || (x.device().is_meta() && meta_is_cuda.load());
}
/** Whether a fused kernel takes x, as far as its device decides. */
inline bool runs_fused(const at::Tensor& x) {
  const Kernels by = chosen_kernels.load();
  if (by == Kernels::kPlain) return false;
#ifdef HYFW_CUDA
  if (x.is_cuda()) return by == Kernels::kFused;
#endif
  if (x.device().is_meta() && meta_is_cuda.load()) return by == Kernels::kFused;
  return acts_as_cpu(x);
}

}  // namespace hyfw
