// Process groups over libtorch's c10d: Gloo on the CPU, NCCL on CUDA. A libtorch without c10d gets a clear
// refusal.
#include <ATen/ATen.h>

#include "binding/process_group.h"
#include "binding/tensor_table.h"

#ifdef HYFW_C10D
#include <ATen/core/LegacyTypeDispatch.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef HYFW_NCCL
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

namespace hyfw {

#ifndef HYFW_C10D

std::string no_process_groups() {
  return "the libtorch that hyfw was built with has no c10d collectives (it needs version 2 or newer)";
}

std::shared_ptr<ProcessGroup> join_group(const Rendezvous&) {
  throw BindingError("HYFW_NATIVE_COLLECTIVE", no_process_groups());
}

#else

using at::Tensor;
using Tensors = std::vector<Tensor>;

std::string no_process_groups() { return ""; }

static c10d::ReduceOp op_of(Reduce how) {
  return how == Reduce::kMax ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
}

/** What both back ends share: the caller waits, and nothing is recorded for autograd. */
class C10dGroup : public ProcessGroup {
 public:
  C10dGroup(c10::intrusive_ptr<c10d::Backend> backend, const Rendezvous& facts)
      : backend_(std::move(backend)), size_(facts.size), timeout_(facts.timeout) {}

  void all_reduce(Tensor tensor, Reduce how) override {
    at::AutoDispatchBelowADInplaceOrView plain;
    run([&] {
      Tensors list{tensor};
      c10d::AllreduceOptions options;
      options.reduceOp = op_of(how);
      options.timeout = timeout_;
      finish(backend_->allreduce(list, options));
      if (how == Reduce::kMean) tensor.div_(static_cast<double>(size_));
    });
  }

  void all_gather(Tensor output, Tensor input) override {
    at::AutoDispatchBelowADInplaceOrView plain;
    run([&] {
      c10d::AllgatherOptions options;
      options.timeout = timeout_;
      finish(backend_->_allgather_base(output, input, options));
    });
  }

  void broadcast(Tensor tensor, int64_t root) override {
    at::AutoDispatchBelowADInplaceOrView plain;
    run([&] {
      Tensors list{tensor};
      c10d::BroadcastOptions options;
      options.rootRank = root;
      options.timeout = timeout_;
      finish(backend_->broadcast(list, options));
    });
  }

  void barrier() override {
    run([&] {
      c10d::BarrierOptions options;
      options.timeout = timeout_;
      finish(backend_->barrier(options));
    });
  }

 protected:
  /** Around one collective and what comes after it; NCCL chooses a stream here. */
  virtual void run(const std::function<void()>& collective) { collective(); }

  void finish(const c10::intrusive_ptr<c10d::Work>& work) { work->wait(timeout_); }

  c10::intrusive_ptr<c10d::Backend> backend_;
  const int64_t size_;
  const std::chrono::milliseconds timeout_;
};

class GlooGroup final : public C10dGroup {
 public:
  using C10dGroup::C10dGroup;

  /** Each rank sends every other its part and adds up what it gets: half of what Gloo's all-reduce would
   * send. */
  void reduce_scatter(Tensor output, Tensor input, Reduce how) override {
    at::AutoDispatchBelowADInplaceOrView plain;
    Tensor parts = at::empty_like(input);
    std::vector<int64_t> even;  // none: equal parts
    c10d::AllToAllOptions options;
    options.timeout = timeout_;
    finish(backend_->alltoall_base(parts, input, even, even, options));
    parts = parts.view({size_, output.numel()});
    Tensor flat = output.view({-1});
    if (how == Reduce::kMax)
      at::amax_out(flat, parts, {0});
    else
      at::sum_out(flat, parts, {0});
    if (how == Reduce::kMean) flat.div_(static_cast<double>(size_));
  }
};

#ifdef HYFW_NCCL
class NcclGroup final : public C10dGroup {
 public:
  NcclGroup(c10::intrusive_ptr<c10d::Backend> backend, const Rendezvous& facts)
      : C10dGroup(std::move(backend), facts) {}

  void reduce_scatter(Tensor output, Tensor input, Reduce how) override {
    at::AutoDispatchBelowADInplaceOrView plain;
    run([&] {
      c10d::ReduceScatterOptions options;
      options.reduceOp = op_of(how);
      options.timeout = timeout_;
      finish(backend_->_reduce_scatter_base(output, input, options));
      if (how == Reduce::kMean) output.div_(static_cast<double>(size_));
    });
  }

 protected:
  /**
   * A stream of its own, behind what the computing stream has been given so far: later kernels there need not
   * wait. The thread waits for the result, so a settled promise means that the numbers are there.
   */
  void run(const std::function<void()>& collective) override {
    at::cuda::CUDAEvent given;
    given.record(c10::cuda::getDefaultCUDAStream());
    const c10::cuda::CUDAStream side = c10::cuda::getStreamFromPool();
    given.block(side);
    c10::cuda::CUDAStreamGuard guard(side);
    collective();
    side.synchronize();
  }
};
#endif

static c10::intrusive_ptr<c10d::Store> open_store(const Rendezvous& facts) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(facts.port);
  options.isServer = facts.is_server;
  options.waitWorkers = false;
  options.timeout = facts.timeout;
  auto store = c10::make_intrusive<c10d::TCPStore>(facts.host, options);
  return c10::make_intrusive<c10d::PrefixStore>(facts.prefix, store);
}

static bool is_loopback(const std::string& host) { return host == "localhost" || host.rfind("127.", 0) == 0; }

std::shared_ptr<ProcessGroup> join_group(const Rendezvous& facts) {
  const auto store = open_store(facts);
  const int rank = static_cast<int>(facts.rank);
  const int size = static_cast<int>(facts.size);
  if (facts.backend == "gloo") {
    auto options = c10d::ProcessGroupGloo::Options::create(facts.timeout);
    const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
    // Without a hint Gloo takes the address that the machine's own name resolves to.
    if (interface != nullptr)
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(interface));
    else if (is_loopback(facts.host))
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
    else
      options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    auto backend = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
    return std::make_shared<GlooGroup>(std::move(backend), facts);
  }
#ifdef HYFW_NCCL
  if (facts.backend == "nccl") {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = facts.timeout;
    auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
    return std::make_shared<NcclGroup>(std::move(backend), facts);
  }
#endif
  throw BindingError("HYFW_NATIVE_COLLECTIVE", "this build has no back end " + facts.backend);
}

#endif

}  // namespace hyfw
