// Copies of lists of tensors; see copies.h.
#include "ops/copies.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#ifdef HYFW_CUDA
#include "ops/cuda_launch.h"
#endif

namespace hyfw {

int64_t copy_beside(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& sources) {
  c10::NoGradGuard no_grad;
  TORCH_CHECK(targets.size() == sources.size(), "expected ", targets.size(), " sources, found ",
              sources.size());
  bool has_gpu = false;
  for (size_t k = 0; k < targets.size(); ++k) {
    TORCH_CHECK(targets[k].sizes() == sources[k].sizes(), "target ", k, " has shape ", targets[k].sizes(),
                ", its source ", sources[k].sizes());
    has_gpu = has_gpu || targets[k].is_cuda() || sources[k].is_cuda();
  }
#ifdef HYFW_CUDA
  if (has_gpu) return cuda_copy_beside(targets, sources);
#endif
  for (size_t k = 0; k < targets.size(); ++k) targets[k].copy_(sources[k]);
  return 0;
}

void finish_copies(int64_t ticket, bool on_host) {
  if (ticket == 0) return;
#ifdef HYFW_CUDA
  cuda_finish_copies(ticket, on_host);
#else
  (void)on_host;
#endif
}

at::Tensor empty_on_host(at::IntArrayRef shape, at::ScalarType dtype) {
  return at::empty(shape, at::TensorOptions().dtype(dtype).pinned_memory(at::hasCUDA()));
}

}  // namespace hyfw
