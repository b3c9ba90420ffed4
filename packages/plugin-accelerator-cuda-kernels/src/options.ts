import { z } from "@hyfw/core";

/** Options of hyfw's own kernels. */
export const CudaKernelsOptions = z.strictObject({
  kernels: z
    .enum(["fused", "plain"])
    .default("fused")
    .describe(
      "fused computes norms and rotation of q and k in one pass, and AdamW and the moving average of many tensors at once, on CUDA as on the CPU; plain leaves all of it to single operations of libtorch.",
    )
    .meta({ flag: "--kernels" }),
});

/** What a person's settings become: nothing missing. */
export type CudaKernelsOptions = z.output<typeof CudaKernelsOptions>;
