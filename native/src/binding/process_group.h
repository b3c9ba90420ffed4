// Collectives between processes: what the binding needs of libtorch's c10d, without its headers.
#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <memory>
#include <string>

namespace hyfw {

/** Where and how a process joins the others. */
struct Rendezvous {
  int64_t rank;
  int64_t size;
  std::string host;
  int64_t port;
  /** Whether this process holds the store that all others look into. */
  bool is_server;
  /** "gloo" or "nccl" */
  std::string backend;
  std::chrono::milliseconds timeout;
  /** Keeps several groups over one store apart. */
  std::string prefix;
};

enum class Reduce { kSum, kMean, kMax };

/** The processes of a run; every process calls the same collectives in the same order. All calls block. */
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  virtual void all_reduce(at::Tensor tensor, Reduce how) = 0;
  /** `output` [n] gets this rank's part of the reduced `input` [size · n]. */
  virtual void reduce_scatter(at::Tensor output, at::Tensor input, Reduce how) = 0;
  /** `output` [size · n] gets every rank's `input` [n], in the order of ranks. */
  virtual void all_gather(at::Tensor output, at::Tensor input) = 0;
  virtual void broadcast(at::Tensor tensor, int64_t root) = 0;
  virtual void barrier() = 0;
};

/** Why this build has no collectives; empty when it has. */
std::string no_process_groups();
/** Meets the other processes. Throws when they do not come in time. */
std::shared_ptr<ProcessGroup> join_group(const Rendezvous& facts);

}  // namespace hyfw
