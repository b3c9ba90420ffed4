// Typed bindings of elementwise ops, reductions and products.
#include <ATen/ATen.h>

#include "binding/define.h"

namespace hyfw {

using at::Scalar;
using at::Tensor;
using Sizes = std::vector<int64_t>;

void define_math_ops(Instance& i, napi_value ops) {
  define(i, ops, "add", [](const Tensor& a, const Tensor& b, const Scalar& alpha) { return at::add(a, b, alpha); });
  define(i, ops, "addScalar", [](const Tensor& a, const Scalar& b) { return at::add(a, b); });
  define(i, ops, "sub", [](const Tensor& a, const Tensor& b) { return at::sub(a, b); });
  define(i, ops, "mul", [](const Tensor& a, const Tensor& b) { return at::mul(a, b); });
  define(i, ops, "mulScalar", [](const Tensor& a, const Scalar& b) { return at::mul(a, b); });
  define(i, ops, "div", [](const Tensor& a, const Tensor& b) { return at::div(a, b); });
  define(i, ops, "divScalar", [](const Tensor& a, const Scalar& b) { return at::div(a, b); });
  define(i, ops, "neg", [](const Tensor& t) { return at::neg(t); });
  define(i, ops, "powScalar", [](const Tensor& t, const Scalar& exponent) { return at::pow(t, exponent); });
  define(i, ops, "square", [](const Tensor& t) { return at::square(t); });
  define(i, ops, "sqrt", [](const Tensor& t) { return at::sqrt(t); });
  define(i, ops, "rsqrt", [](const Tensor& t) { return at::rsqrt(t); });
  define(i, ops, "exp", [](const Tensor& t) { return at::exp(t); });
  define(i, ops, "log", [](const Tensor& t) { return at::log(t); });
  define(i, ops, "sin", [](const Tensor& t) { return at::sin(t); });
  define(i, ops, "cos", [](const Tensor& t) { return at::cos(t); });
  define(i, ops, "tanh", [](const Tensor& t) { return at::tanh(t); });
  define(i, ops, "sigmoid", [](const Tensor& t) { return at::sigmoid(t); });
  define(i, ops, "silu", [](const Tensor& t) { return at::silu(t); });
  define(i, ops, "gelu", [](const Tensor& t, const std::string& approximate) { return at::gelu(t, approximate); });
  define(i, ops, "abs", [](const Tensor& t) { return at::abs(t); });
  define(i, ops, "round", [](const Tensor& t) { return at::round(t); });
  define(i, ops, "clamp", [](const Tensor& t, const c10::optional<Scalar>& low, const c10::optional<Scalar>& high) {
    return at::clamp(t, low, high);
  });
  define(i, ops, "softmax", [](const Tensor& t, int64_t dim) { return at::softmax(t, dim); });
  define(i, ops, "matmul", [](const Tensor& a, const Tensor& b) { return at::matmul(a, b); });
  define(i, ops, "where",
         [](const Tensor& condition, const Tensor& yes, const Tensor& no) { return at::where(condition, yes, no); });
  define(i, ops, "eq", [](const Tensor& a, const Tensor& b) { return at::eq(a, b); });
  define(i, ops, "eqScalar", [](const Tensor& a, const Scalar& b) { return at::eq(a, b); });
  define(i, ops, "isFinite", [](const Tensor& t) { return at::isfinite(t); });
  define(i, ops, "all", [](const Tensor& t) { return at::all(t); });
  define(i, ops, "sumAll", [](const Tensor& t) { return at::sum(t); });
  define(i, ops, "sum", [](const Tensor& t, const Sizes& dims, bool keep) { return at::sum(t, dims, keep); });
  define(i, ops, "meanAll", [](const Tensor& t) { return at::mean(t); });
  define(i, ops, "mean", [](const Tensor& t, const Sizes& dims, bool keep) { return at::mean(t, dims, keep); });
  define(i, ops, "max", [](const Tensor& t) { return at::max(t); });
  define(i, ops, "min", [](const Tensor& t) { return at::min(t); });
  define(i, ops, "norm", [](const Tensor& t) { return at::norm(t); });

  define(i, ops, "add_", [](const Tensor& a, const Tensor& b, const Scalar& alpha) { a.add_(b, alpha); });
  define(i, ops, "addScalar_", [](const Tensor& a, const Scalar& b) { a.add_(b); });
  define(i, ops, "mul_", [](const Tensor& a, const Tensor& b) { a.mul_(b); });
  define(i, ops, "mulScalar_", [](const Tensor& a, const Scalar& b) { a.mul_(b); });
  define(i, ops, "copy_", [](const Tensor& a, const Tensor& b) { a.copy_(b); });
  define(i, ops, "zero_", [](const Tensor& t) { t.zero_(); });
  define(i, ops, "fill_", [](const Tensor& t, const Scalar& value) { t.fill_(value); });
}

}  // namespace hyfw
