// Shapes of ops that libtorch has no `meta` kernel for in C++, so that a model can be walked without numbers.
// Results have the real op's shapes, strides and types, and no memory.
// Native layer norm and its gradient, index_select, embedding's gradient, where.
#pragma once

namespace hyfw {

/** Registers them with the dispatcher; once per process. */
void register_meta_kernels();

}  // namespace hyfw
