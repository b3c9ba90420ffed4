// Typed bindings of what models and training are made of; the mathematics is in ops/.
#include <ATen/ATen.h>
#include <torch/csrc/api/include/torch/version.h>

#include "binding/define.h"
#include "ops/adamw.h"
#include "ops/attention.h"
#include "ops/heads.h"
#include "ops/images_to_batch.h"
#include "ops/keyed_normal.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/many.h"
#include "ops/rotary.h"

namespace hyfw {

using at::Tensor;
using Sizes = std::vector<int64_t>;
using MaybeTensor = c10::optional<Tensor>;

void define_model_ops(Instance& i, napi_value ops) {
  define(i, ops, "linear", [](const Tensor& x, const Tensor& weight, const MaybeTensor& bias) {
    return hyfw::linear(x, weight, bias);
  });
  define(i, ops, "layerNorm",
         [](const Tensor& x, const Sizes& shape, const MaybeTensor& weight, const MaybeTensor& bias,
            double eps) { return hyfw::layer_norm(x, shape, weight, bias, eps); });
  define(i, ops, "embedding",
         [](const Tensor& table, const Tensor& indices) { return at::embedding(table, indices); });
  define(i, ops, "conv2d",
         [](const Tensor& x, const Tensor& weight, const MaybeTensor& bias, int64_t stride, int64_t padding) {
           return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
         });
  define(i, ops, "attention",
         [](const Tensor& q, const Tensor& k, const Tensor& v, c10::optional<double> scale) {
           return hyfw::attention(q, k, v, scale);
         });
  define(i, ops, "rotary",
         [](const Tensor& x, const Tensor& cos, const Tensor& sin) { return hyfw::rotary(x, cos, sin); });
  define(i, ops, "projectHeads",
         [](Instance& instance, const Tensor& x, int64_t heads, const std::string& rules,
            const MaybeTensor& q_weight, const MaybeTensor& q_bias, const MaybeTensor& k_weight,
            const MaybeTensor& k_bias, double eps, const MaybeTensor& cos,
            const MaybeTensor& sin) -> napi_value {
           const auto parts =
               project_heads(x, heads, rules, {q_weight, q_bias, k_weight, k_bias, eps}, cos, sin);
           napi_value list;
           napi_create_array_with_length(instance.env, parts.size(), &list);
           for (size_t k = 0; k < parts.size(); ++k)
             napi_set_element(instance.env, list, static_cast<uint32_t>(k), to_js(instance, parts[k]));
           return list;
         });
  define(i, ops, "imagesToBatch",
         [](const Tensor& images, const Tensor& flips) { return images_to_batch(images, flips); });
  define(i, ops, "keyedNormal", [](const Sizes& words, const Sizes& shape, at::Device device) {
    Tensor keys = at::empty({static_cast<int64_t>(words.size() / 2), 2}, at::kLong);
    std::copy(words.begin(), words.begin() + static_cast<int64_t>(words.size() / 2 * 2),
              keys.data_ptr<int64_t>());
    return keyed_normal(keys.to(device), shape);
  });
  define(i, ops, "emaUpdate",
         [](const std::vector<Tensor>& targets, const std::vector<Tensor>& sources, double decay) {
           ema_update(targets, sources, decay);
         });
  define(i, ops, "globalNorm", [](const std::vector<Tensor>& tensors) { return global_norm(tensors); });
}

}  // namespace hyfw
