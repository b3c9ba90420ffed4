import { z } from "@hyfw/core";

/** Options of offloading to host memory. */
export const CpuOffloadOptions = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe("Whether optimizer states and the weights that the optimizer updates lie in host memory.")
    .meta({ flag: "--cpu-offloading", negatedBy: "--no-cpu-offloading" }),
  gradients: z
    .boolean()
    .default(false)
    .describe(
      "Whether gradients leave the GPU after each segment's backward and collect in host memory, so that the GPU never holds all of them.",
    ),
  gradientType: z
    .enum(["float32", "bfloat16"])
    .default("float32")
    .describe("Type in which gradients travel to host memory; bfloat16 halves the traffic and rounds them."),
  groupMiB: z
    .number()
    .int()
    .min(1)
    .default(256)
    .describe(
      "MiB of weights that are copied and updated together; while one group is updated, the next ones travel.",
    ),
});

/** What a person's settings become: nothing missing. */
export type CpuOffloadOptions = z.output<typeof CpuOffloadOptions>;
