// Launchers of the CUDA kernels on the current stream; in files of their own, so that no .cu file sees
// libtorch.
#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "ops/memory_stats.h"

namespace hyfw {

/** @param keys int64 [B, 2]; @param out float32 [B, count] */
void cuda_keyed_normal(const at::Tensor& keys, const at::Tensor& out, int64_t count);

struct AdamWNumbers;
void cuda_adamw(const std::vector<at::Tensor>& params, const std::vector<at::Tensor>& grads,
                const std::vector<at::Tensor>& exp_avgs, const std::vector<at::Tensor>& exp_avg_sqs,
                const at::Tensor& grad_scale, const AdamWNumbers& numbers);

void cuda_ema_update(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& sources,
                     double decay);

/** @param numbers q weight, q bias, k weight, k bias, cos, sin; undefined is none; as in heads_cpu.cc */
void cuda_project_heads(const at::Tensor& x, int64_t heads, const std::string& rules,
                        const std::vector<at::Tensor>& numbers, double eps, const at::Tensor& facts,
                        const std::vector<at::Tensor>& outs);
void cuda_project_heads_backward(const at::Tensor& x, int64_t heads, const std::string& rules,
                                 const std::vector<at::Tensor>& numbers, const at::Tensor& facts,
                                 const std::vector<at::Tensor>& grads, int64_t rows_per_chunk,
                                 const at::Tensor& dx, const at::Tensor& sums);

MemoryStats cuda_memory_stats();
void cuda_reset_memory_peak();

/** Starts copies on a stream of their own, behind what the current stream has been given. @returns a ticket
 */
int64_t cuda_copy_beside(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& sources);
/** Waits until the copies of a ticket are done; on the host, or on the current stream only. */
void cuda_finish_copies(int64_t ticket, bool on_host);

}  // namespace hyfw
