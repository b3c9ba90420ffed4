// Sums and averages over lists of tensors: global norm, moving average.
// norm = √Σ x² over all elements, in double; ema: target ← d·target + (1 − d)·source.
// Polyak and Juditsky 1992 for the average; the official trainer for its place in the step.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace hyfw {

/** float32 scalar; the same for any number of threads. */
at::Tensor global_norm(const std::vector<at::Tensor>& tensors);
/** In place over float32 lists of equal shapes. */
void ema_update(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& sources, double decay);

}  // namespace hyfw
