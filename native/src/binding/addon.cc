// The addon's entry: one Instance per environment, and what it exports.
#include <ATen/Parallel.h>
#include <node_api.h>

#include "binding/define.h"
#include "binding/instance.h"
#include "binding/pictures.h"
#include "binding/worker.h"
#include "ops/memory_stats.h"
#include "ops/meta_kernels.h"

namespace hyfw {

Instance::Instance() = default;
Instance::~Instance() = default;

void drain_released(Instance& instance) {
  std::vector<napi_ref> refs;
  {
    std::lock_guard<std::mutex> lock(instance.released->mutex);
    refs.swap(instance.released->refs);
  }
  for (napi_ref ref : refs) napi_delete_reference(instance.env, ref);
  instance.lent -= static_cast<int64_t>(refs.size());
}

std::string describe_arguments(Instance& instance, const std::vector<napi_value>& values,
                               const std::string& kinds) {
  std::string text;
  const auto tensor = [&](napi_value value) {
    double id;
    if (napi_get_value_double(instance.env, value, &id) != napi_ok) return std::string("none");
    const at::Tensor* found = instance.table.find(id);
    return found == nullptr ? std::string("disposed tensor") : describe_tensor(*found);
  };
  for (size_t k = 0; k < values.size(); ++k) {
    if (k > 0) text += ", ";
    uint32_t length;
    if (kinds[k] == 'T') {
      text += tensor(values[k]);
    } else if (kinds[k] == 'L' && napi_get_array_length(instance.env, values[k], &length) == napi_ok) {
      text += '(';
      for (uint32_t n = 0; n < length && n < 8; ++n)
        text += (n > 0 ? ", " : "") + tensor(entry(instance.env, values[k], n));
      text += length > 8 ? ", …)" : ")";
    } else {
      napi_value shown;
      text += napi_coerce_to_string(instance.env, values[k], &shown) == napi_ok ? to_text(instance.env, shown)
                                                                                : "?";
    }
  }
  return text;
}

static void stop(void* data) {
  auto* instance = static_cast<Instance*>(data);
  instance->worker.reset();
  // A collective may wait for a process that is gone, so nobody waits for this thread.
  if (instance->collectives != nullptr) Worker::abandon(std::move(instance->collectives));
}

static napi_value start(napi_env env, napi_value exports) {
  count_memory();
  register_meta_kernels();
  auto* instance = new Instance;
  instance->env = env;
  napi_set_instance_data(
      env, instance, [](napi_env, void* data, void*) { delete static_cast<Instance*>(data); }, nullptr);
  // Before the environment is torn down: a job may still use it.
  napi_add_env_cleanup_hook(env, stop, instance);
  napi_value ops;
  napi_create_object(env, &ops);
  define_memory(*instance, exports);
  define_autograd(*instance, exports);
  define_collectives(*instance, exports);
  define_dispatcher(*instance, exports);
  define_machine(*instance, exports);
  define_storage(*instance, exports);
  define_engine(*instance, exports);
  define_pictures(*instance, exports);
  define_tensor_ops(*instance, ops);
  define_math_ops(*instance, ops);
  define_model_ops(*instance, ops);
  napi_set_named_property(env, exports, "ops", ops);
  return exports;
}

}  // namespace hyfw

NAPI_MODULE_INIT() { return hyfw::start(env, exports); }
