import { definePlugin, SAMPLER, z } from "@hyfw/core";
import { bucketSampler } from "./sampler.js";

export { alignRows, type Leftover } from "./bucket-stream.js";
export { goldenCases } from "./golden.js";
export { bucketSampler } from "./sampler.js";

/** Options of the bucket sampler. */
export const SamplerOptions = z.strictObject({
  leftover: z
    .enum(["carry", "drop", "pad"])
    .default("carry")
    .describe(
      "Rows of a bucket that do not fill a unit at the end of an epoch: carry puts them first in the next epoch, drop leaves them out, pad repeats rows as the official loader does.",
    ),
});

export default definePlugin({
  name: "sampler-bucket",
  version: "0.1.0",
  core: "^0.1.0",
  options: SamplerOptions,
  provides: [SAMPLER],
  setup: ({ options, provide }) => provide(SAMPLER, bucketSampler(options)),
});
