import type { Accelerator, Duty } from "@hyfw/core";
import { setKernels } from "@hyfw/native";
import type { CudaKernelsOptions } from "./options.js";

/**
 * Says where hyfw's own kernels run in this process. Without this plugin they run on the CPU, and CUDA gets single
 * operations of libtorch.
 */
export class KernelChoice implements Accelerator {
  readonly name = "cuda-kernels";
  readonly duties: readonly Duty[] = ["kernels"];

  constructor(private readonly kernels: CudaKernelsOptions["kernels"]) {}

  describe(): string {
    return this.kernels === "fused"
      ? "fused: q/k norm with rotation; AdamW and moving average over many tensors at once"
      : "plain: single operations of libtorch";
  }

  prepare(): void {
    setKernels(this.kernels);
  }

  dispose(): void {
    setKernels("auto");
  }
}
