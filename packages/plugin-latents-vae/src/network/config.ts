import { z } from "@hyfw/core";

const size = z.number().int().positive();
/** Block types by name; other kinds are other networks. */
const blocks = (kind: string) => z.array(z.literal(kind)).optional();

/** The fields of an AutoencoderKL's config.json that its network is made from; defaults are SDXL's. */
export const VaeConfig = z
  .object({
    in_channels: size.default(3),
    out_channels: size.default(3),
    latent_channels: size.default(4),
    block_out_channels: z.array(size).min(1),
    layers_per_block: size.default(2),
    norm_num_groups: size.default(32),
    act_fn: z.literal("silu").default("silu"),
    down_block_types: blocks("DownEncoderBlock2D"),
    up_block_types: blocks("UpDecoderBlock2D"),
    mid_block_add_attention: z.boolean().default(true),
    use_quant_conv: z.boolean().default(true),
    use_post_quant_conv: z.boolean().default(true),
    scaling_factor: z.number().positive(),
    shift_factor: z.number().nullable().default(null),
  })
  .refine((config) => config.block_out_channels.every((width) => width % config.norm_num_groups === 0), {
    path: ["norm_num_groups"],
    message: "a divisor of every number in block_out_channels",
  });
export type VaeConfig = z.output<typeof VaeConfig>;

/** Pixels per latent cell on each side: every level but the last halves. */
export function cellSizeOf({ block_out_channels }: VaeConfig): number {
  return 2 ** (block_out_channels.length - 1);
}
