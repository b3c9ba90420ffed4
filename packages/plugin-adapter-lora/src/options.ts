import { type OptionMeta, z } from "@hyfw/core";

const meta = (fields: OptionMeta): OptionMeta & Record<string, unknown> => ({ ...fields });

/** Options of the LoRA adapter. */
export const LoraOptions = z
  .strictObject({
    rank: z
      .number()
      .int()
      .min(1)
      .default(64)
      .describe("Rank of the two arrays beside each layer.")
      .meta(meta({ flag: "--rank" })),
    alpha: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe("The adapter adds alpha / rank times its product; the rank itself when null."),
    targetModules: z
      .array(z.string().min(1))
      .min(1)
      .default(["Wqkv", "q_proj", "kv_proj", "out_proj"])
      .describe(
        "Layers that get an adapter: the ends of their names, or whole names with * for any text, as blocks.*.mlp.fc1.",
      )
      .meta(meta({ flag: "--target-modules" })),
    excludeModules: z
      .array(z.string().min(1))
      .default(["pooler.*", "text_encoder*"])
      .describe(
        "Layers left out although targetModules names them. The official tools never read the pool's adapter.",
      ),
    rankPattern: z
      .record(z.string().min(1), z.number().int().min(1))
      .default({})
      .describe("Other ranks for layers by name, * for any text; alpha goes with the rank."),
    start: z
      .string()
      .nullable()
      .default(null)
      .describe("Adapter to go on from, in peft's names: its file or folder.")
      .meta(meta({ path: true })),
  })
  .describe("Low-rank adapters beside frozen weights (LoRA).");

export type LoraOptions = z.output<typeof LoraOptions>;
