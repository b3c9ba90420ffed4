// Heads, norms and rotary positions of attention in one pass on the CPU, forward and backward; see heads.h.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/half_rows.h"
#include "ops/heads.h"
#include "ops/layer_norm.h"
#include "ops/rotary.h"
#include "ops/stand_in.h"
#include "ops/vector_clones.h"
#ifdef HYFW_CUDA
#include "ops/cuda_launch.h"
#endif

namespace hyfw {

using at::Tensor;
using MaybeTensor = c10::optional<Tensor>;

namespace {

constexpr int64_t kMaxWidth = 256;
constexpr int kLanes = 8;
/** Rows (b, l) that one chunk of work takes; fixed, so that sums do not depend on the number of threads. */
constexpr int64_t kChunk = 64;
constexpr int64_t kCudaChunk = 256;

/** What one part of one row needs. */
struct Part {
  const float* weight;  // [K] or null: no norm
  const float* bias;
  const float* cos;  // [K] of this row's position, or null: no rotation
  const float* sin;
  float eps;
};

float sum_of(const float* x, int64_t width) {
  float lanes[kLanes] = {0, 0, 0, 0, 0, 0, 0, 0};
  for (int64_t k = 0; k < width; k += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += x[k + lane];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

float product_sum(const float* x, const float* y, int64_t width) {
  float lanes[kLanes] = {0, 0, 0, 0, 0, 0, 0, 0};
  for (int64_t k = 0; k < width; k += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += x[k + lane] * y[k + lane];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

/** x̂ into `centred`. */
void normalise(const float* x, float mean, float rstd, float* centred, int64_t width) {
  for (int64_t k = 0; k < width; ++k) centred[k] = (x[k] - mean) * rstd;
}

void rotate(float* y, const float* cos, const float* sin, int64_t width) {
  for (int64_t k = 0; k < width; k += 2) {
    const float even = y[k], odd = y[k + 1];
    y[k] = even * cos[k] - odd * sin[k];
    y[k + 1] = odd * cos[k + 1] + even * sin[k + 1];
  }
}

/** The transpose of `rotate`. */
void rotate_back(float* g, const float* cos, const float* sin, int64_t width) {
  for (int64_t k = 0; k < width; k += 2) {
    const float even = g[k], odd = g[k + 1];
    g[k] = even * cos[k] + odd * sin[k + 1];
    g[k + 1] = odd * cos[k + 1] - even * sin[k];
  }
}

/** All heads of one part of one row. `facts` takes mean and 1/deviation per head. */
template <class T>
inline void forward_row(const T* __restrict x, T* __restrict out, float* __restrict facts, const Part& part,
                        int64_t heads, int64_t width) {
  float row[kMaxWidth], y[kMaxWidth];
  for (int64_t n = 0; n < heads; ++n, x += width, out += width) {
    for (int64_t k = 0; k < width; ++k) row[k] = widen(x[k]);
    if (part.weight != nullptr) {
      const float mean = sum_of(row, width) / static_cast<float>(width);
      for (int64_t k = 0; k < width; ++k) y[k] = row[k] - mean;
      const float variance = product_sum(y, y, width) / static_cast<float>(width);
      const float rstd = 1.0f / __builtin_sqrtf(variance + part.eps);
      facts[2 * n] = mean;
      facts[2 * n + 1] = rstd;
      for (int64_t k = 0; k < width; ++k) y[k] = y[k] * rstd * part.weight[k] + part.bias[k];
    } else {
      for (int64_t k = 0; k < width; ++k) y[k] = row[k];
    }
    if (part.cos != nullptr) rotate(y, part.cos, part.sin, width);
    for (int64_t k = 0; k < width; ++k) narrow_to(y[k], out[k]);
  }
}

/** The gradient of `forward_row`; adds to `dweight` and `dbias`. */
template <class T>
inline void backward_row(const T* __restrict x, const T* __restrict grad, int64_t grad_stride,
                         const float* __restrict facts, T* __restrict dx, float* __restrict dweight,
                         float* __restrict dbias, const Part& part, int64_t heads, int64_t width) {
  float row[kMaxWidth], g[kMaxWidth], centred[kMaxWidth];
  for (int64_t n = 0; n < heads; ++n, x += width, dx += width, grad += grad_stride) {
    for (int64_t k = 0; k < width; ++k) g[k] = widen(grad[k]);
    if (part.cos != nullptr) rotate_back(g, part.cos, part.sin, width);
    if (part.weight != nullptr) {
      for (int64_t k = 0; k < width; ++k) row[k] = widen(x[k]);
      normalise(row, facts[2 * n], facts[2 * n + 1], centred, width);
      for (int64_t k = 0; k < width; ++k) {
        dweight[k] += g[k] * centred[k];
        dbias[k] += g[k];
        g[k] *= part.weight[k];
      }
      const float mean = sum_of(g, width) / static_cast<float>(width);
      const float along = product_sum(g, centred, width) / static_cast<float>(width);
      const float rstd = facts[2 * n + 1];
      for (int64_t k = 0; k < width; ++k) g[k] = rstd * (g[k] - mean - centred[k] * along);
    }
    for (int64_t k = 0; k < width; ++k) narrow_to(g[k], dx[k]);
  }
}

HYFW_CLONES void forward_float(const float* x, float* out, float* facts, const Part& part, int64_t heads,
                               int64_t width) {
  forward_row(x, out, facts, part, heads, width);
}
HYFW_CLONES void forward_bfloat16(const c10::BFloat16* x, c10::BFloat16* out, float* facts, const Part& part,
                                  int64_t heads, int64_t width) {
  forward_row(x, out, facts, part, heads, width);
}
HYFW_CLONES void backward_float(const float* x, const float* grad, int64_t grad_stride, const float* facts,
                                float* dx, float* dweight, float* dbias, const Part& part, int64_t heads,
                                int64_t width) {
  backward_row(x, grad, grad_stride, facts, dx, dweight, dbias, part, heads, width);
}
HYFW_CLONES void backward_bfloat16(const c10::BFloat16* x, const c10::BFloat16* grad, int64_t grad_stride,
                                   const float* facts, c10::BFloat16* dx, float* dweight, float* dbias,
                                   const Part& part, int64_t heads, int64_t width) {
  backward_row(x, grad, grad_stride, facts, dx, dweight, dbias, part, heads, width);
}

struct Shape {
  int64_t batch, tokens, parts, heads, width;
};

Shape shape_of(const Tensor& x, int64_t heads, const std::string& rules) {
  const auto parts = static_cast<int64_t>(rules.size());
  TORCH_CHECK(x.dim() == 3 && parts > 0 && heads > 0 && x.size(2) % (parts * heads) == 0,
              "x: expected [B, L, ", parts, " · ", heads, " · K], found ", x.sizes());
  for (const char rule : rules)
    TORCH_CHECK(std::string("qQkKv").find(rule) != std::string::npos,
                "rules: expected letters of qQkKv, found ", rules);
  return {x.size(0), x.size(1), parts, heads, x.size(2) / parts / heads};
}

bool rotated(char rule) { return rule == 'Q' || rule == 'K'; }

/** The numbers of one part at one position. `saved`: q weight, q bias, k weight, k bias, cos, sin; undefined
 * is none. */
Part part_at(char rule, const std::vector<Tensor>& saved, double eps, int64_t position, int64_t width) {
  Part part{nullptr, nullptr, nullptr, nullptr, static_cast<float>(eps)};
  const size_t norm = rule == 'q' || rule == 'Q' ? 0 : 2;
  if (rule != 'v' && saved[norm].defined()) {
    part.weight = saved[norm].data_ptr<float>();
    part.bias = saved[norm + 1].data_ptr<float>();
  }
  if (rotated(rule)) {
    part.cos = saved[4].data_ptr<float>() + position * width;
    part.sin = saved[5].data_ptr<float>() + position * width;
  }
  return part;
}

template <class Work>
void over_chunks(const Shape& s, const Work& work) {
  const int64_t rows = s.batch * s.tokens, chunks = (rows + kChunk - 1) / kChunk;
  at::parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk)
      work(chunk, chunk * kChunk, std::min(rows, (chunk + 1) * kChunk));
  });
}

/** @param facts float32 [B·L, P, N, 2]. */
std::vector<Tensor> run_forward(const Tensor& x, const Shape& s, const std::string& rules,
                                const std::vector<Tensor>& numbers, double eps, const Tensor& facts) {
  std::vector<Tensor> outs;
  for (int64_t p = 0; p < s.parts; ++p)
    outs.push_back(at::empty({s.batch, s.tokens, s.heads, s.width}, x.options()));
  const auto as_heads = [&] {
    for (Tensor& out : outs) out = out.transpose(1, 2);
    return outs;
  };
#ifdef HYFW_CUDA
  if (x.is_cuda()) {
    cuda_project_heads(x, s.heads, rules, numbers, eps, facts, outs);
    return as_heads();
  }
#endif
  if (x.device().is_meta()) return as_heads();
  const int64_t size = s.heads * s.width;
  float* fact = facts.data_ptr<float>();
  const auto run = [&](auto* from, const auto& pointers, auto kernel) {
    over_chunks(s, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t p = 0; p < s.parts; ++p)
          kernel(from + (row * s.parts + p) * size, pointers[static_cast<size_t>(p)] + row * size,
                 fact + (row * s.parts + p) * s.heads * 2,
                 part_at(rules[static_cast<size_t>(p)], numbers, eps, row % s.tokens, s.width), s.heads,
                 s.width);
    });
  };
  if (x.scalar_type() == at::kFloat) {
    std::vector<float*> pointers;
    for (const Tensor& out : outs) pointers.push_back(out.data_ptr<float>());
    run(x.data_ptr<float>(), pointers, forward_float);
  } else {
    std::vector<c10::BFloat16*> pointers;
    for (const Tensor& out : outs) pointers.push_back(out.data_ptr<c10::BFloat16>());
    run(x.data_ptr<c10::BFloat16>(), pointers, forward_bfloat16);
  }
  return as_heads();
}

struct ProjectHeads : torch::autograd::Function<ProjectHeads> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const Tensor& x,
                                                const MaybeTensor& q_weight, const MaybeTensor& q_bias,
                                                const MaybeTensor& k_weight, const MaybeTensor& k_bias,
                                                const MaybeTensor& cos, const MaybeTensor& sin, int64_t heads,
                                                const std::string& rules, double eps) {
    const Shape s = shape_of(x, heads, rules);
    const Tensor facts = at::empty({s.batch * s.tokens, s.parts, s.heads, 2}, x.options().dtype(at::kFloat));
    const auto or_none = [](const MaybeTensor& tensor) { return tensor.has_value() ? *tensor : Tensor(); };
    const std::vector<Tensor> numbers{or_none(q_weight), or_none(q_bias), or_none(k_weight),
                                      or_none(k_bias),   or_none(cos),    or_none(sin)};
    const auto outs = run_forward(x, s, rules, numbers, eps, facts);
    torch::autograd::variable_list saved{x, facts};
    saved.insert(saved.end(), numbers.begin(), numbers.end());
    context->save_for_backward(saved);
    context->saved_data["heads"] = heads;
    context->saved_data["rules"] = rules;
    context->saved_data["eps"] = eps;
    return outs;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto saved = context->get_saved_variables();
    const std::string rules = context->saved_data["rules"].toStringRef();
    const double eps = context->saved_data["eps"].toDouble();
    const Tensor& x = saved[0];
    const Tensor& facts = saved[1];
    const std::vector<Tensor> numbers(saved.begin() + 2, saved.end());
    const Shape s = shape_of(x, context->saved_data["heads"].toInt(), rules);
    const Tensor dx = at::empty_like(x);
    const int64_t rows_per_chunk = acts_as_cuda(x) ? kCudaChunk : kChunk;
    const int64_t chunks = (s.batch * s.tokens + rows_per_chunk - 1) / rows_per_chunk;
    // Per chunk: dweight and dbias of q, then of k.
    const Tensor sums = at::zeros({chunks, 4, s.width}, x.options().dtype(at::kFloat));
    const int64_t size = s.heads * s.width;
    for (Tensor& grad : grads) {
      if (!grad.defined()) grad = at::zeros({s.batch, s.heads, s.tokens, s.width}, x.options());
      grad = grad.to(x.scalar_type());
      if (grad.stride(3) != 1) grad = grad.contiguous();
    }
#ifdef HYFW_CUDA
    if (x.is_cuda()) {
      cuda_project_heads_backward(x, s.heads, rules, numbers, facts, grads, kCudaChunk, dx, sums);
      return results(sums, dx, rules, numbers);
    }
#endif
    if (x.device().is_meta()) return results(sums, dx, rules, numbers);
    float* sum = sums.data_ptr<float>();
    const float* fact = facts.data_ptr<float>();
    const auto run = [&](auto* from, auto* to, const auto& pointers, auto kernel) {
      over_chunks(s, [&](int64_t chunk, int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
          for (int64_t p = 0; p < s.parts; ++p) {
            const auto place = static_cast<size_t>(p);
            const char rule = rules[place];
            const int64_t norm = rule == 'q' || rule == 'Q' ? 0 : 2;
            const auto strides = grads[place].strides();
            kernel(from + (row * s.parts + p) * size,
                   pointers[place] + (row / s.tokens) * strides[0] + (row % s.tokens) * strides[2],
                   strides[1], fact + (row * s.parts + p) * s.heads * 2, to + (row * s.parts + p) * size,
                   sum + (chunk * 4 + norm) * s.width, sum + (chunk * 4 + norm + 1) * s.width,
                   part_at(rule, numbers, eps, row % s.tokens, s.width), s.heads, s.width);
          }
      });
    };
    if (x.scalar_type() == at::kFloat) {
      std::vector<const float*> pointers;
      for (const Tensor& grad : grads) pointers.push_back(grad.data_ptr<float>());
      run(x.data_ptr<float>(), dx.data_ptr<float>(), pointers, backward_float);
    } else {
      std::vector<const c10::BFloat16*> pointers;
      for (const Tensor& grad : grads) pointers.push_back(grad.data_ptr<c10::BFloat16>());
      run(x.data_ptr<c10::BFloat16>(), dx.data_ptr<c10::BFloat16>(), pointers, backward_bfloat16);
    }
    return results(sums, dx, rules, numbers);
  }

 private:
  /** One per argument of `forward`. @param sums float32 [chunks, 4, K] */
  static torch::autograd::variable_list results(const Tensor& sums, const Tensor& dx,
                                                const std::string& rules,
                                                const std::vector<Tensor>& numbers) {
    const Tensor total = sums.sum(0);
    torch::autograd::variable_list result{dx};
    for (int64_t k = 0; k < 4; ++k) {
      const bool used = rules.find_first_of(k < 2 ? "qQ" : "kK") != std::string::npos;
      result.push_back(used && numbers[static_cast<size_t>(k)].defined() ? total.select(0, k) : Tensor());
    }
    for (int none = 0; none < 5; ++none) result.emplace_back();  // cos, sin, heads, rules, eps
    return result;
  }
};

bool fits(const MaybeTensor& tensor, const Tensor& x, int64_t width) {
  return !tensor.has_value() || (tensor->scalar_type() == at::kFloat && tensor->device() == x.device() &&
                                 tensor->dim() == 1 && tensor->size(0) == width && tensor->is_contiguous());
}

}  // namespace

std::vector<Tensor> project_heads_reference(const Tensor& x, int64_t heads, const std::string& rules,
                                            const HeadNorms& norms, const MaybeTensor& cos,
                                            const MaybeTensor& sin) {
  const Shape s = shape_of(x, heads, rules);
  const auto parts = x.reshape({s.batch, s.tokens, s.parts, s.heads, s.width}).unbind(2);
  std::vector<Tensor> outs;
  for (size_t p = 0; p < rules.size(); ++p) {
    const bool is_q = rules[p] == 'q' || rules[p] == 'Q';
    const auto& weight = is_q ? norms.q_weight : norms.k_weight;
    Tensor y = parts[p];
    if (rules[p] != 'v' && weight.has_value())
      y = hyfw::layer_norm(y, {s.width}, weight, is_q ? norms.q_bias : norms.k_bias, norms.eps);
    y = y.transpose(1, 2);
    outs.push_back(rotated(rules[p]) ? rotary(y, *cos, *sin) : y);
  }
  return outs;
}

std::vector<Tensor> project_heads(const Tensor& x, int64_t heads, const std::string& rules,
                                  const HeadNorms& norms, const MaybeTensor& cos, const MaybeTensor& sin) {
  const Shape s = shape_of(x, heads, rules);
  bool rotates = false;
  for (const char rule : rules) rotates = rotates || rotated(rule);
  if (rotates) {
    TORCH_CHECK(cos.has_value() && sin.has_value(), "a part is rotated, and there are no tables");
    for (const Tensor& table : {*cos, *sin})
      TORCH_CHECK(table.dim() == 2 && table.size(0) == s.tokens && table.size(1) == s.width &&
                      table.scalar_type() == at::kFloat && table.device() == x.device(),
                  "tables: expected float32 [", s.tokens, ", ", s.width, "] on ", x.device(), ", found ",
                  table.scalar_type(), " ", table.sizes(), " on ", table.device());
  }
  const bool has_type = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16 ||
                        (x.scalar_type() == at::kHalf && acts_as_cuda(x));
  const bool fused = runs_fused(x) && has_type && s.parts <= 4 && s.width % kLanes == 0 &&
                     s.width <= kMaxWidth && fits(norms.q_weight, x, s.width) &&
                     fits(norms.q_bias, x, s.width) && fits(norms.k_weight, x, s.width) &&
                     fits(norms.k_bias, x, s.width);
  if (!fused) return project_heads_reference(x, heads, rules, norms, cos, sin);
  const auto whole = [](const MaybeTensor& table) {
    return table.has_value() ? MaybeTensor(table->contiguous()) : table;
  };
  return ProjectHeads::apply(x.contiguous(), norms.q_weight, norms.q_bias, norms.k_weight, norms.k_bias,
                             rotates ? whole(cos) : MaybeTensor(), rotates ? whole(sin) : MaybeTensor(),
                             heads, rules, norms.eps);
}

}  // namespace hyfw
