// x · weightᵀ + bias over the last dimension, by the faster of libtorch's CPU kernels, with its gradient.
// dx = dy · weight; dweight = dyᵀ · x; dbias = Σ dy. On some CPUs oneDNN multiplies float32 twice
// as fast as the BLAS that linear uses, and some have no bfloat16 instructions, so that bfloat16 goes faster
// through float32 products (exact products, float32 sums, rounded once: the same rule). Measured once per
// process.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

#include <string>

namespace hyfw {

/** @param x […, in]; @param weight [out, in]; @param bias [out] or none */
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const c10::optional<at::Tensor>& bias);

/**
 * The same layer where its product is at hand already: gives `kept`, recorded as if it had been computed now.
 * @param kept what `linear` gave for these inputs, […, out]
 */
at::Tensor linear_kept(const at::Tensor& x, const at::Tensor& weight, const c10::optional<at::Tensor>& bias,
                       const at::Tensor& kept);

/** "onednn" or "aten", and how that was found; measures when nobody asked before. */
std::string linear_kernel();
/** "aten", "onednn" or "auto". */
void set_linear_kernel(const std::string& name);

/** How bfloat16 is multiplied: "aten" or "float32", and how that was found. */
std::string half_linear_kernel();
/** "aten", "float32" or "auto". */
void set_half_linear_kernel(const std::string& name);

}  // namespace hyfw
