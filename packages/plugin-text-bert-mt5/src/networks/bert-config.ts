import { z } from "@hyfw/core";

const size = z.number().int().positive();

/** The fields of BERT's config.json that its network is made from; defaults are BERT's. */
export const BertConfig = z.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  hidden_act: z.literal("gelu").default("gelu"),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.literal("absolute").default("absolute"),
});
export type BertConfig = z.output<typeof BertConfig>;
