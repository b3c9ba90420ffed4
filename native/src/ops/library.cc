// hyfw's own ops, registered with the dispatcher: callable by name like any ATen op, also from other plugins.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "ops/adamw.h"
#include "ops/attention.h"
#include "ops/heads.h"
#include "ops/images_to_batch.h"
#include "ops/keyed_normal.h"
#include "ops/linear.h"
#include "ops/many.h"
#include "ops/rotary.h"

namespace hyfw {

using at::Tensor;
using TensorList = std::vector<Tensor>;

static void adamw_op(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs,
                     const Tensor& grad_scale, double lr, double beta1, double beta2, double eps,
                     double weight_decay, int64_t step) {
  adamw(params, grads, exp_avgs, exp_avg_sqs, grad_scale, lr, beta1, beta2, eps, weight_decay, step);
}

static void adamw_reference_op(TensorList params, TensorList grads, TensorList exp_avgs,
                               TensorList exp_avg_sqs, const Tensor& grad_scale, double lr, double beta1,
                               double beta2, double eps, double weight_decay, int64_t step) {
  adamw_reference(params, grads, exp_avgs, exp_avg_sqs, grad_scale, lr, beta1, beta2, eps, weight_decay,
                  step);
}

static void ema_op(TensorList targets, TensorList sources, double decay) {
  ema_update(targets, sources, decay);
}
static Tensor global_norm_op(TensorList tensors) { return global_norm(tensors); }
static Tensor keyed_normal_op(const Tensor& keys, at::IntArrayRef shape) { return keyed_normal(keys, shape); }

using MaybeTensor = c10::optional<Tensor>;

static TensorList project_heads_op(const Tensor& x, int64_t heads, std::string rules,
                                   const MaybeTensor& q_weight, const MaybeTensor& q_bias,
                                   const MaybeTensor& k_weight, const MaybeTensor& k_bias, double eps,
                                   const MaybeTensor& cos, const MaybeTensor& sin) {
  return project_heads(x, heads, rules, {q_weight, q_bias, k_weight, k_bias, eps}, cos, sin);
}

static TensorList project_heads_reference_op(const Tensor& x, int64_t heads, std::string rules,
                                             const MaybeTensor& q_weight, const MaybeTensor& q_bias,
                                             const MaybeTensor& k_weight, const MaybeTensor& k_bias,
                                             double eps, const MaybeTensor& cos, const MaybeTensor& sin) {
  return project_heads_reference(x, heads, rules, {q_weight, q_bias, k_weight, k_bias, eps}, cos, sin);
}

}  // namespace hyfw

TORCH_LIBRARY(hyfw, library) {
  const char* adamw_arguments =
      "(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] exp_avgs, Tensor(c!)[] exp_avg_sqs, Tensor "
      "grad_scale, "
      "float lr, float beta1, float beta2, float eps, float weight_decay, int step) -> ()";
  const auto composite = c10::DispatchKey::CompositeImplicitAutograd;
  library.def((std::string("adamw_") + adamw_arguments).c_str(), torch::dispatch(composite, hyfw::adamw_op));
  library.def((std::string("adamw_reference_") + adamw_arguments).c_str(),
              torch::dispatch(composite, hyfw::adamw_reference_op));
  library.def("ema_(Tensor(a!)[] targets, Tensor[] sources, float decay) -> ()",
              torch::dispatch(composite, hyfw::ema_op));
  library.def("global_norm(Tensor[] tensors) -> Tensor", torch::dispatch(composite, hyfw::global_norm_op));
  library.def("keyed_normal(Tensor keys, int[] shape) -> Tensor",
              torch::dispatch(composite, hyfw::keyed_normal_op));
  library.def("images_to_batch(Tensor images, Tensor flips) -> Tensor",
              torch::dispatch(composite, hyfw::images_to_batch));
  library.def("rotary(Tensor x, Tensor cos, Tensor sin) -> Tensor", torch::dispatch(composite, hyfw::rotary));
  library.def("rotary_reference(Tensor x, Tensor cos, Tensor sin) -> Tensor",
              torch::dispatch(composite, hyfw::rotary_reference));
  const char* heads_arguments =
      "(Tensor x, int heads, str rules, Tensor? q_weight, Tensor? q_bias, Tensor? k_weight, Tensor? k_bias, "
      "float eps, Tensor? cos, Tensor? sin) -> Tensor[]";
  library.def((std::string("project_heads") + heads_arguments).c_str(),
              torch::dispatch(composite, hyfw::project_heads_op));
  library.def((std::string("project_heads_reference") + heads_arguments).c_str(),
              torch::dispatch(composite, hyfw::project_heads_reference_op));
  library.def("linear(Tensor x, Tensor weight, Tensor? bias=None) -> Tensor",
              torch::dispatch(composite, hyfw::linear));
  library.def("attention(Tensor q, Tensor k, Tensor v, float? scale=None) -> Tensor",
              torch::dispatch(composite, hyfw::attention));
  library.def("attention_reference(Tensor q, Tensor k, Tensor v, float? scale=None) -> Tensor",
              torch::dispatch(composite, hyfw::attention_reference));
}
