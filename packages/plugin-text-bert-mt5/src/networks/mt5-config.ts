import { z } from "@hyfw/core";

const size = z.number().int().positive();

/** The fields of mT5's config.json that its encoder is made from; defaults are mT5's. */
export const Mt5Config = z.object({
  vocab_size: size,
  d_model: size,
  d_kv: size,
  d_ff: size,
  num_layers: size,
  num_heads: size,
  relative_attention_num_buckets: size.default(32),
  relative_attention_max_distance: size.default(128),
  feed_forward_proj: z.literal("gated-gelu"),
  layer_norm_epsilon: z.number().positive().default(1e-6),
});
export type Mt5Config = z.output<typeof Mt5Config>;
