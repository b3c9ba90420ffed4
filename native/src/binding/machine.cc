// What this process computes on: versions, threads, devices, generators.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>

#include "binding/define.h"
#include "binding/worker.h"
#include "ops/linear.h"

namespace hyfw {

static at::Generator& generator_of(Instance& instance, int64_t number) {
  const auto found = instance.generators.find(static_cast<uint32_t>(number));
  if (found == instance.generators.end())
    throw BindingError("HYFW_NATIVE_DISPOSED", "the generator was disposed of");
  return found->second;
}

at::Generator generator_for(Instance& instance, int64_t number) { return generator_of(instance, number); }

void define_machine(Instance& instance, napi_value exports) {
  define(instance, exports, "versionText", []() { return std::string(TORCH_VERSION); });
  define(instance, exports, "cudaDevices", []() { return cuda_gpus(); });
  define(instance, exports, "threads", []() { return static_cast<int64_t>(at::get_num_threads()); });
  define(instance, exports, "setThreads", [](Instance& i, int64_t count) {
    if (count < 1 || count > 1024)
      throw BindingError("HYFW_NATIVE_ARGUMENT",
                         "expected 1 to 1024 threads, found " + std::to_string(count));
    at::set_num_threads(static_cast<int>(count));
    if (i.worker == nullptr) i.worker = std::make_unique<Worker>(i);
    i.worker->set_threads(static_cast<int>(count));
  });
  define(instance, exports, "opCalls", [](Instance& i) { return static_cast<int64_t>(i.op_calls); });
  define(instance, exports, "manualSeed", [](int64_t seed) { at::manual_seed(static_cast<uint64_t>(seed)); });
  define(instance, exports, "newGenerator", [](Instance& i, at::Device device, int64_t seed) {
    at::Generator generator = at::globalContext().defaultGenerator(device).clone();
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(static_cast<uint64_t>(seed));
    i.generators.emplace(i.next_generator, generator);
    return static_cast<int64_t>(i.next_generator++);
  });
  define(instance, exports, "generatorState", [](Instance& i, int64_t number) {
    at::Generator& generator = generator_of(i, number);
    std::lock_guard<std::mutex> lock(generator.mutex());
    return generator.get_state();
  });
  define(instance, exports, "setGeneratorState", [](Instance& i, int64_t number, const at::Tensor& state) {
    at::Generator& generator = generator_of(i, number);
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
  });
  define(instance, exports, "dropGenerator",
         [](Instance& i, int64_t number) { i.generators.erase(static_cast<uint32_t>(number)); });
  define(instance, exports, "linearKernel", []() { return linear_kernel(); });
  define(instance, exports, "halfLinearKernel", []() { return half_linear_kernel(); });
  define(instance, exports, "setHalfLinearKernel",
         [](const std::string& name) { set_half_linear_kernel(name); });
  define(instance, exports, "setLinearKernel", [](const std::string& name) { set_linear_kernel(name); });
}

}  // namespace hyfw
