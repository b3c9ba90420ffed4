// Lists of tensors copied in one go, between host and GPU on a stream of their own.
// target ← source, converted to the target's element type.
// Where no GPU takes part it is an ordinary copy and done at once.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace hyfw {

/** @returns a ticket for `finish_copies`, 0 when the copies are done already */
int64_t copy_beside(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& sources);
/** Waits for a ticket's copies: on the host, or only what the GPU computes after this. */
void finish_copies(int64_t ticket, bool on_host);
/** Host memory that a GPU copies from and to without a detour; ordinary memory where there is no GPU. */
at::Tensor empty_on_host(at::IntArrayRef shape, at::ScalarType dtype);

}  // namespace hyfw
