// What a training engine asks of the process: memory, operations counted, kernels, copies, default
// generators.
#include <ATen/ATen.h>

#include "binding/define.h"
#include "binding/worker.h"
#include "ops/attention.h"
#include "ops/copies.h"
#include "ops/flops.h"
#include "ops/linear.h"
#include "ops/memory_stats.h"
#include "ops/stand_in.h"

namespace hyfw {

using at::Tensor;
using Tensors = std::vector<Tensor>;
using MaybeTensor = c10::optional<Tensor>;

static Kernels kernels_named(const std::string& name) {
  if (name == "auto") return Kernels::kAuto;
  if (name == "fused") return Kernels::kFused;
  if (name == "plain") return Kernels::kPlain;
  throw BindingError("HYFW_NATIVE_ARGUMENT", "expected auto, fused or plain, found " + name);
}

static Worker& worker_of(Instance& instance) {
  if (instance.worker == nullptr) instance.worker = std::make_unique<Worker>(instance);
  return *instance.worker;
}

void define_engine(Instance& instance, napi_value exports) {
  define(instance, exports, "memoryStats", [](const std::string& device) {
    const MemoryStats stats = memory_stats(device);
    return std::vector<int64_t>{stats.held, stats.peak};
  });
  define(instance, exports, "resetMemoryPeak", [](const std::string& device) { reset_memory_peak(device); });
  define(instance, exports, "madeFlops", []() { return made_flops.load(); });
  define(instance, exports, "recordedFlops", []() { return recorded_flops.load(); });
  define(instance, exports, "gradientFlops", []() { return gradient_flops.load(); });
  define(instance, exports, "setKernels",
         [](const std::string& name) { chosen_kernels.store(kernels_named(name)); });
  define(instance, exports, "setMetaStandsForCuda", [](bool on) { meta_is_cuda.store(on); });
  define(instance, exports, "allowAttention", [](const std::string& kernels) { allow_attention(kernels); });
  define(instance, exports, "attentionChoice",
         [](const Tensor& q, const Tensor& k, const Tensor& v) { return attention_choice(q, k, v); });
  define(instance, exports, "attentionToKeep",
         [](Instance& i, const Tensor& q, const Tensor& k, const Tensor& v) -> napi_value {
           const auto [out, log_sums] = attention_to_keep(q, k, v);
           napi_value list;
           napi_create_array_with_length(i.env, out.defined() ? 2 : 0, &list);
           if (!out.defined()) return list;
           napi_set_element(i.env, list, 0, to_js(i, out));
           napi_set_element(i.env, list, 1, to_js(i, log_sums));
           return list;
         });
  define(instance, exports, "attentionKept",
         [](const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out, const Tensor& log_sums) {
           return attention_kept(q, k, v, out, log_sums);
         });
  define(instance, exports, "linearKept",
         [](const Tensor& x, const Tensor& weight, const MaybeTensor& bias, const Tensor& kept) {
           return linear_kept(x, weight, bias, kept);
         });
  define(instance, exports, "emptyOnHost",
         [](const std::vector<int64_t>& shape, at::ScalarType dtype) { return empty_on_host(shape, dtype); });
  define(instance, exports, "copyBeside",
         [](const Tensors& targets, const Tensors& sources) { return copy_beside(targets, sources); });
  define(instance, exports, "orderAfterCopies", [](int64_t ticket) { finish_copies(ticket, false); });
  define(instance, exports, "finishCopies", [](Instance& i, int64_t ticket) -> napi_value {
    return worker_of(i).submit(
        "finishCopies", [ticket] { finish_copies(ticket, true); },
        [] { return static_cast<napi_value>(nullptr); });
  });
  define(instance, exports, "defaultRandomState", [](at::Device device) {
    at::Generator generator = at::globalContext().defaultGenerator(device);
    std::lock_guard<std::mutex> lock(generator.mutex());
    return generator.get_state();
  });
  define(instance, exports, "setDefaultRandomState", [](at::Device device, const Tensor& state) {
    at::Generator generator = at::globalContext().defaultGenerator(device);
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
  });
}

}  // namespace hyfw
