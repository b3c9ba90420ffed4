import { z } from "@hyfw/core";

/** Options of ZeRO (Rajbhandari et al. 2020, "ZeRO: memory optimizations toward training trillion parameter models"). */
export const ZeroOptions = z.strictObject({
  stage: z
    .union([z.literal(1), z.literal(2), z.literal(3)])
    .default(1)
    .describe(
      "What is spread over processes: 1 optimizer state and moving average, 2 also gradients, 3 also weights.",
    )
    .meta({ flag: "--use-zero-stage" }),
  prefetch: z
    .number()
    .int()
    .min(0)
    .default(1)
    .describe(
      "Segments whose weights are fetched ahead of their turn at stage 3; more hides slower networks and takes memory.",
    ),
});

/** What a person's settings become: nothing missing. */
export type ZeroOptions = z.output<typeof ZeroOptions>;
