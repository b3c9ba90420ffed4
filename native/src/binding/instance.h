// What one JavaScript environment (the main thread, or one worker_thread) has: tensors, lent buffers, the
// native thread.
#pragma once
#include <ATen/core/Generator.h>
#include <node_api.h>

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "binding/tensor_table.h"

namespace hyfw {

class ProcessGroup;
class Worker;

/** Typed arrays whose tensors are gone. A tensor's memory can be freed on any thread, JavaScript only on its
 * own. */
struct ReleaseQueue {
  std::mutex mutex;
  std::vector<napi_ref> refs;
};

struct Instance {
  napi_env env = nullptr;
  TensorTable table;
  std::shared_ptr<ReleaseQueue> released = std::make_shared<ReleaseQueue>();
  int64_t lent = 0;
  std::unique_ptr<Worker> worker;
  /** Runs collectives, beside `worker`. */
  std::unique_ptr<Worker> collectives;
  std::shared_ptr<ProcessGroup> group;
  int64_t group_rank = 0;
  int64_t group_size = 0;
  int64_t collectives_started = 0;
  std::unordered_map<uint32_t, at::Generator> generators;
  uint32_t next_generator = 1;
  uint64_t op_calls = 0;

  Instance();
  ~Instance();
};

/** Deletes references to typed arrays whose tensors are gone; on the JavaScript thread. */
void drain_released(Instance& instance);

}  // namespace hyfw
