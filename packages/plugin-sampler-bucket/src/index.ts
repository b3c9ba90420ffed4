import { definePlugin, SAMPLER, z } from "@hyfw/core";
import { bucketSampler } from "./sampler.js";

export { alignRows, type Leftover, type RowOrder } from "./bucket-stream.js";
export { goldenCases } from "./golden.js";
export { bucketSampler, type SamplerChoice } from "./sampler.js";

/** Options of the bucket sampler. */
export const SamplerOptions = z.strictObject({
  leftover: z
    .enum(["carry", "drop", "pad", "legacy-indexkits"])
    .default("carry")
    .describe(
      "Rows of a bucket that do not fill a unit at the end of an epoch: carry puts them first in the next epoch, drop leaves them out, pad repeats rows until they do, legacy-indexkits does as the official loader: several buckets are padded, the rows of a single one go round the processes in turns and the last are left out.",
    ),
  order: z
    .enum(["keyed", "index"])
    .default("keyed")
    .describe(
      "keyed permutes rows and units anew each epoch, index keeps them as the index has them, bucket after bucket.",
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
