// Rotary positions in one pass on the CPU, forward and backward; see rotary.h.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/rotary.h"
#include "ops/stand_in.h"
#include "ops/vector_clones.h"

namespace hyfw {

using at::Tensor;

/** One row of K numbers; `turn` is 1 forward and −1 backward (the transpose of a rotation is the other way
 * round). */
template <class T>
static inline void rotate_row(const T* __restrict x, const float* __restrict cos, const float* __restrict sin,
                              float turn, T* __restrict out, int64_t width) {
  for (int64_t k = 0; k < width; k += 2) {
    const auto even = static_cast<float>(x[k]), odd = static_cast<float>(x[k + 1]);
    if (turn > 0) {
      out[k] = static_cast<T>(even * cos[k] - odd * sin[k]);
      out[k + 1] = static_cast<T>(odd * cos[k + 1] + even * sin[k + 1]);
    } else {
      out[k] = static_cast<T>(even * cos[k] + odd * sin[k + 1]);
      out[k + 1] = static_cast<T>(odd * cos[k + 1] - even * sin[k]);
    }
  }
}

HYFW_CLONES static void rotate_row_float(const float* x, const float* cos, const float* sin, float turn,
                                         float* out, int64_t width) {
  rotate_row(x, cos, sin, turn, out, width);
}

HYFW_CLONES static void rotate_row_bfloat16(const c10::BFloat16* x, const float* cos, const float* sin,
                                            float turn, c10::BFloat16* out, int64_t width) {
  rotate_row(x, cos, sin, turn, out, width);
}

static Tensor rotate(const Tensor& x, const Tensor& cos, const Tensor& sin, float turn) {
  const int64_t batch = x.size(0), heads = x.size(1), tokens = x.size(2), width = x.size(3);
  Tensor out = at::empty({batch, tokens, heads, width}, x.options());
  if (x.device().is_meta()) return out.transpose(1, 2);
  const Tensor from = x.stride(3) == 1 ? x : x.contiguous();
  const auto strides = from.strides();
  const float* c = cos.data_ptr<float>();
  const float* s = sin.data_ptr<float>();
  const auto rows = [&](auto* source, auto* target, auto row) {
    at::parallel_for(0, batch * tokens, 16, [&](int64_t begin, int64_t end) {
      for (int64_t place = begin; place < end; ++place) {
        const int64_t b = place / tokens, l = place % tokens;
        for (int64_t n = 0; n < heads; ++n)
          row(source + b * strides[0] + n * strides[1] + l * strides[2], c + l * width, s + l * width, turn,
              target + (place * heads + n) * width, width);
      }
    });
  };
  if (x.scalar_type() == at::kFloat)
    rows(from.data_ptr<float>(), out.data_ptr<float>(), rotate_row_float);
  else
    rows(from.data_ptr<c10::BFloat16>(), out.data_ptr<c10::BFloat16>(), rotate_row_bfloat16);
  return out.transpose(1, 2);
}

struct Rotary : torch::autograd::Function<Rotary> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& cos,
                        const Tensor& sin) {
    context->save_for_backward({cos, sin});
    return rotate(x, cos, sin, 1);
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list grads) {
    const auto saved = context->get_saved_variables();
    return {rotate(grads[0], saved[0], saved[1], -1), Tensor(), Tensor()};
  }
};

Tensor rotary_reference(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  const Tensor wide = x.to(at::kFloat);
  const Tensor pairs = wide.reshape({x.size(0), x.size(1), x.size(2), -1, 2});
  const Tensor turned = at::stack({pairs.select(-1, 1).neg(), pairs.select(-1, 0)}, -1).flatten(3);
  return (wide * cos + turned * sin).to(x.scalar_type());
}

Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  TORCH_CHECK(x.dim() == 4 && x.size(3) % 2 == 0, "x: expected [B, N, L, K] with even K, found ", x.sizes());
  for (const Tensor& table : {cos, sin})
    TORCH_CHECK(table.dim() == 2 && table.size(0) == x.size(2) && table.size(1) == x.size(3) &&
                    table.scalar_type() == at::kFloat && table.device() == x.device(),
                "tables: expected float32 [", x.size(2), ", ", x.size(3), "] on ", x.device(), ", found ",
                table.scalar_type(), " ", table.sizes(), " on ", table.device());
  const bool fused =
      runs_fused(x) && acts_as_cpu(x) && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
  if (!fused) return rotary_reference(x, cos, sin);
  if (!x.requires_grad() || !c10::GradMode::is_enabled())
    return rotate(x, cos.contiguous(), sin.contiguous(), 1);
  return Rotary::apply(x, cos.contiguous(), sin.contiguous());
}

}  // namespace hyfw
