// Collectives as promises: one native thread of their own runs them in the order in which they are asked for,
// so that they overlap with backward on the other one.
#include <ATen/ATen.h>
#include <unistd.h>

#include "binding/define.h"
#include "binding/process_group.h"
#include "binding/worker.h"

namespace hyfw {

using at::Tensor;

static Reduce reduce_of(const std::string& name) {
  if (name == "sum") return Reduce::kSum;
  if (name == "mean") return Reduce::kMean;
  if (name == "max") return Reduce::kMax;
  throw BindingError("HYFW_NATIVE_ARGUMENT", "expected sum, mean or max, found " + name);
}

static const Tensor& flat(const Tensor& tensor, const char* what) {
  if (!tensor.is_contiguous())
    throw BindingError("HYFW_NATIVE_SHAPE",
                       std::string(what) + ", " + describe_tensor(tensor) + ", must be contiguous");
  return tensor;
}

static void check_parts(const Tensor& whole, const Tensor& part, int64_t size) {
  flat(whole, "the whole");
  flat(part, "the part");
  if (whole.numel() != part.numel() * size || whole.scalar_type() != part.scalar_type())
    throw BindingError("HYFW_NATIVE_SHAPE", "the whole must be " + std::to_string(size) +
                                                " times the part: expected one type and " +
                                                std::to_string(part.numel() * size) + " numbers, found " +
                                                describe_tensor(whole) + " and " + describe_tensor(part));
}

static std::shared_ptr<ProcessGroup>& group_of(Instance& instance) {
  if (instance.group == nullptr)
    throw BindingError("HYFW_NATIVE_COLLECTIVE", "this process has not joined any others");
  return instance.group;
}

static std::string first_line(const std::exception& fault) {
  const std::string text = fault.what();
  return text.substr(0, text.find('\n'));
}

/** Runs one collective on the thread for them; what fails there names rank, collective and tensors. */
static napi_value submit(Instance& i, const std::string& what, std::function<void(ProcessGroup&)> work) {
  const std::shared_ptr<ProcessGroup> group = group_of(i);
  const int64_t number = ++i.collectives_started;
  const std::string label = "rank " + std::to_string(i.group_rank) + " of " + std::to_string(i.group_size) +
                            ": " + what + " (collective " + std::to_string(number) + ")";
  return i.collectives->submit(
      "collective",
      [group, label, work = std::move(work)] {
        try {
          work(*group);
        } catch (const std::exception& fault) {
          throw BindingError("HYFW_NATIVE_COLLECTIVE", label + " failed: " + first_line(fault));
        }
      },
      [] { return static_cast<napi_value>(nullptr); });
}

static napi_value join(Instance& i, int64_t rank, int64_t size, const std::string& host, int64_t port,
                       bool is_server, const std::string& backend, int64_t timeout_ms,
                       const std::string& prefix) {
  if (i.group != nullptr)
    throw BindingError("HYFW_NATIVE_COLLECTIVE", "this process has joined others already");
  if (i.collectives == nullptr) {
    i.collectives = std::make_unique<Worker>(i);
    i.collectives->set_threads(1);
  }
  const Rendezvous facts{rank,  size, host, port, is_server, backend, std::chrono::milliseconds(timeout_ms),
                         prefix};
  auto made = std::make_shared<std::shared_ptr<ProcessGroup>>();
  return i.collectives->submit(
      "join",
      [facts, made] {
        try {
          *made = join_group(facts);
        } catch (const std::exception& fault) {
          throw BindingError("HYFW_NATIVE_COLLECTIVE",
                             "rank " + std::to_string(facts.rank) + " of " + std::to_string(facts.size) +
                                 ": cannot meet the others at " + facts.host + ":" +
                                 std::to_string(facts.port) + ": " + first_line(fault));
        }
      },
      [&i, facts, made] {
        i.group = *made;
        i.group_rank = facts.rank;
        i.group_size = facts.size;
        return static_cast<napi_value>(nullptr);
      });
}

void define_collectives(Instance& instance, napi_value exports) {
  define(instance, exports, "noProcessGroups", []() { return no_process_groups(); });
  define(instance, exports, "hasNccl", []() {
#ifdef HYFW_NCCL
    return true;
#else
    return false;
#endif
  });
  define(instance, exports, "joinGroup",
         [](Instance& i, int64_t rank, int64_t size, const std::string& host, int64_t port, bool is_server,
            const std::string& backend, int64_t timeout_ms, const std::string& prefix) {
           return join(i, rank, size, host, port, is_server, backend, timeout_ms, prefix);
         });
  define(instance, exports, "allReduce", [](Instance& i, const Tensor& tensor, const std::string& how) {
    const Reduce reduce = reduce_of(how);
    flat(tensor, "the tensor");
    return submit(i, "all-reduce of " + describe_tensor(tensor),
                  [tensor, reduce](ProcessGroup& group) { group.all_reduce(tensor, reduce); });
  });
  define(instance, exports, "reduceScatter",
         [](Instance& i, const Tensor& output, const Tensor& input, const std::string& how) {
           const Reduce reduce = reduce_of(how);
           group_of(i);
           check_parts(input, output, i.group_size);
           return submit(
               i, "reduce-scatter of " + describe_tensor(input),
               [output, input, reduce](ProcessGroup& group) { group.reduce_scatter(output, input, reduce); });
         });
  define(instance, exports, "allGather", [](Instance& i, const Tensor& output, const Tensor& input) {
    group_of(i);
    check_parts(output, input, i.group_size);
    return submit(i, "all-gather of " + describe_tensor(output),
                  [output, input](ProcessGroup& group) { group.all_gather(output, input); });
  });
  define(instance, exports, "broadcast", [](Instance& i, const Tensor& tensor, int64_t root) {
    flat(tensor, "the tensor");
    return submit(i, "broadcast of " + describe_tensor(tensor) + " from rank " + std::to_string(root),
                  [tensor, root](ProcessGroup& group) { group.broadcast(tensor, root); });
  });
  define(instance, exports, "barrier",
         [](Instance& i) { return submit(i, "barrier", [](ProcessGroup& group) { group.barrier(); }); });
  define(instance, exports, "leaveGroup", [](Instance& i) { i.group.reset(); });
  // What is under way may never end, since its partner is gone: nobody waits for it, and exit must not
  // either.
  define(instance, exports, "abandonGroup", [](Instance& i) {
    if (i.collectives != nullptr) Worker::abandon(std::move(i.collectives));
    if (i.group != nullptr) new std::shared_ptr<ProcessGroup>(std::move(i.group));  // kept for that thread
  });
  define(instance, exports, "exitNow", [](int64_t code) { _exit(static_cast<int>(code)); });
}

}  // namespace hyfw
