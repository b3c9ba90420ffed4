// The numbers of one AdamW step, and the step of one element.
// g ← s·g; p ← p·(1 − lr·wd); m ← m + (1−β1)(g − m); v ← β2·v + (1−β2)·g²; p ← p − lr/(1−β1^t) · m / (√v/√(1−β2^t) + ε)
// Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
#pragma once
#include <cmath>
#include <cstdint>

#include "ops/philox.h"

namespace hyfw {

struct AdamWNumbers {
  float keep;          // 1 − lr·weight decay
  float one_minus_b1;  // 1 − β1
  float beta2;
  float one_minus_b2;
  float step_size;    // lr / (1 − β1^t)
  float root_scale;   // 1 / √(1 − β2^t)
  float eps;
};

/** @param step t, counted from 1 */
inline AdamWNumbers adamw_numbers(double lr, double beta1, double beta2, double eps, double weight_decay,
                                  int64_t step) {
  const double t = static_cast<double>(step);
  return {static_cast<float>(1 - lr * weight_decay),
          static_cast<float>(1 - beta1),
          static_cast<float>(beta2),
          static_cast<float>(1 - beta2),
          static_cast<float>(lr / (1 - std::pow(beta1, t))),
          static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, t))),
          static_cast<float>(eps)};
}

HYFW_HOST_DEVICE inline void adamw_element(float& p, float g, float& m, float& v, const AdamWNumbers& n) {
  m += n.one_minus_b1 * (g - m);
  v = n.beta2 * v + n.one_minus_b2 * g * g;
#if defined(__CUDA_ARCH__)
  const float root = sqrtf(v);
#else
  const float root = __builtin_sqrtf(v);
#endif
  p = p * n.keep - n.step_size * (m / (root * n.root_scale + n.eps));
}

}  // namespace hyfw
