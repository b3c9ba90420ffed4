import { type OptionMeta, z } from "@hyfw/core";

const path: OptionMeta & Record<string, unknown> = { path: true };

/** Options of the frozen VAE. */
export const VaeOptions = z.strictObject({
  folder: z
    .string()
    .nullable()
    .default(null)
    .describe("Folder with the VAE's config.json and weights; looked for in run.modelRoot when null.")
    .meta(path),
  dtype: z
    .enum(["float32", "bfloat16", "float16"])
    .default("float32")
    .describe(
      "Element type of its weights; float16 only for weights made for it, such as SDXL's fp16-fix version.",
    ),
  device: z
    .string()
    .regex(/^(same|cpu|cuda(:\d+)?)$/, 'must be "same", "cpu", "cuda" or "cuda:" and a number')
    .default("same")
    .describe('Where it runs: "same" as the model, "cpu", or a GPU of its own such as "cuda:1".'),
  unload: z
    .boolean()
    .default(false)
    .describe("Frees the weights after use and takes them from the file again for the next batch."),
  slice: z
    .boolean()
    .default(false)
    .describe("Takes the pictures of a batch one by one: less memory, the same numbers up to rounding."),
  cache: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "Folder that keeps what the VAE made of each picture after crop and mirroring, for later epochs and runs; null keeps nothing. Keyed by the pixels, the weights and the type, so never stale; hyfw cache fills it and says its size first.",
    )
    .meta(path),
  tileSize: z
    .number()
    .int()
    .min(64)
    .nullable()
    .default(null)
    .describe(
      "Side in pixels of the tiles that larger pictures are decoded in, blended where they overlap; null for whole pictures. Tiles save memory and change colours slightly.",
    ),
});

/** What a person's settings become: nothing missing. */
export type VaeOptions = z.output<typeof VaeOptions>;
