// Global norm and moving average over lists of tensors; see many.h.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "ops/many.h"
#include "ops/pieces.h"
#include "ops/stand_in.h"
#include "ops/vector_clones.h"
#ifdef HYFW_CUDA
#include "ops/cuda_launch.h"
#endif

namespace hyfw {

using Tensors = std::vector<at::Tensor>;

HYFW_CLONES static double sum_of_squares(const float* x, int64_t count) {
  // Eight sums side by side: an order that vector instructions can keep without reordering.
  double sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  int64_t k = 0;
  for (; k + 8 <= count; k += 8)
    for (int lane = 0; lane < 8; ++lane) sums[lane] += static_cast<double>(x[k + lane]) * x[k + lane];
  for (; k < count; ++k) sums[0] += static_cast<double>(x[k]) * x[k];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static bool plain(const at::Tensor& tensor) {
  return tensor.device().is_cpu() && chosen_kernels.load() != Kernels::kPlain &&
         tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

at::Tensor global_norm(const Tensors& tensors) {
  c10::NoGradGuard no_grad;
  TORCH_CHECK(!tensors.empty(), "expected at least one tensor");
  bool all_plain = true;
  for (const auto& tensor : tensors) all_plain = all_plain && plain(tensor);
  if (!all_plain) {
    Tensors squares;
    for (const auto& tensor : tensors) squares.push_back(tensor.to(at::kDouble).square().sum());
    return at::stack(squares).sum().sqrt().to(at::kFloat);
  }
  const auto pieces = pieces_of(tensors);
  std::vector<double> sums(pieces.size());
  at::parallel_for(0, static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const Piece& piece = pieces[static_cast<size_t>(k)];
      sums[static_cast<size_t>(k)] =
          sum_of_squares(tensors[piece.tensor].data_ptr<float>() + piece.begin, piece.count);
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return at::scalar_tensor(std::sqrt(total), at::TensorOptions().dtype(at::kFloat));
}

HYFW_CLONES static void average(float* __restrict target, const float* __restrict source, float decay,
                                float rest, int64_t count) {
  for (int64_t k = 0; k < count; ++k) target[k] = decay * target[k] + rest * source[k];
}

void ema_update(const Tensors& targets, const Tensors& sources, double decay) {
  c10::NoGradGuard no_grad;
  TORCH_CHECK(targets.size() == sources.size(), "expected ", targets.size(), " sources, found ",
              sources.size());
  TORCH_CHECK(decay >= 0 && decay <= 1, "decay: expected a number from 0 to 1, found ", decay);
  bool all_plain = true;
  for (size_t k = 0; k < targets.size(); ++k) {
    TORCH_CHECK(targets[k].sizes() == sources[k].sizes(), "target ", k, " has shape ", targets[k].sizes(),
                ", its source ", sources[k].sizes());
    all_plain = all_plain && plain(targets[k]) && plain(sources[k]);
  }
#ifdef HYFW_CUDA
  bool on_cuda = chosen_kernels.load() == Kernels::kFused && !targets.empty();
  for (size_t k = 0; k < targets.size(); ++k)
    for (const at::Tensor& one : {targets[k], sources[k]})
      on_cuda = on_cuda && one.is_cuda() && one.device() == targets[0].device() &&
                one.scalar_type() == at::kFloat && one.is_contiguous();
  if (on_cuda) return cuda_ema_update(targets, sources, decay);
#endif
  if (!all_plain) {
    for (size_t k = 0; k < targets.size(); ++k)
      targets[k].mul_(decay).add_(sources[k].to(targets[k].options()), 1 - decay);
    return;
  }
  const auto pieces = pieces_of(targets);
  const auto keep = static_cast<float>(decay), rest = static_cast<float>(1 - decay);
  at::parallel_for(0, static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const Piece& piece = pieces[static_cast<size_t>(k)];
      average(targets[piece.tensor].data_ptr<float>() + piece.begin,
              sources[piece.tensor].data_ptr<float>() + piece.begin, keep, rest, piece.count);
    }
  });
}

}  // namespace hyfw
