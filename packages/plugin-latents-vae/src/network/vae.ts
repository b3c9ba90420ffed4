import { callTensorOp, noGrad, type Tensor, tidy } from "@hyfw/native";
import { Conv2d, GroupNorm, Module, type Place, within } from "@hyfw/nn";
import type { VaeConfig } from "./config.js";
import { MidBlock } from "./mid-block.js";
import { ResBlock, silu_ } from "./res-block.js";

/** Told of results along the way, by the place of the module that made them. */
export type Watch = (place: string, x: Tensor) => void;

/**
 * The autoencoder of latent diffusion (Rombach et al. 2021; diffusers' AutoencoderKL): pictures to the mean and log
 * variance of their latents, and latents to pictures. Without the scaling factor. Names as diffusers'.
 */
export class Vae extends Module {
  private readonly encoder: Encoder;
  private readonly decoder: Decoder;
  private readonly quant: Conv2d | undefined;
  private readonly postQuant: Conv2d | undefined;

  constructor(place: Place, config: VaeConfig) {
    super(place);
    const { latent_channels: latents, use_quant_conv, use_post_quant_conv } = config;
    const conv1 = (name: string, channels: number) =>
      this.child(new Conv2d(within(place, name), { inChannels: channels, outChannels: channels, kernel: 1 }));
    this.encoder = this.child(new Encoder(within(place, "encoder"), config));
    this.decoder = this.child(new Decoder(within(place, "decoder"), config));
    this.quant = use_quant_conv ? conv1("quant_conv", 2 * latents) : undefined;
    this.postQuant = use_post_quant_conv ? conv1("post_quant_conv", latents) : undefined;
  }

  /** @param images [B, 3, H, W] in [−1, 1]. @returns mean and log variance, [B, 2·C, H / cell, W / cell] */
  moments(images: Tensor, watch?: Watch): Tensor {
    return noGrad(() => {
      const made = this.encoder.forward(images, watch);
      return this.quant?.forward(made) ?? made;
    });
  }
  /** @param latents before the scaling factor, [B, C, h, w]. @returns [B, 3, h · cell, w · cell] in about [−1, 1] */
  decode(latents: Tensor): Tensor {
    return noGrad(() => this.decoder.forward(this.postQuant?.forward(latents) ?? latents));
  }
}

/** Runs a chain, freeing each result when the next is there. */
function chain(x: Tensor, steps: readonly ((x: Tensor) => Tensor)[], keepsAll: boolean): Tensor {
  let current = x;
  for (const step of steps) {
    const given = current;
    current = tidy(() => step(given));
    if (given !== x && !keepsAll) given.dispose();
  }
  return current;
}

class Encoder extends Module {
  private readonly convIn: Conv2d;
  private readonly levels: Level[];
  private readonly middle: MidBlock;
  private readonly normOut: GroupNorm;
  private readonly convOut: Conv2d;

  constructor(place: Place, config: VaeConfig) {
    super(place);
    const { block_out_channels: widths, layers_per_block: layers, norm_num_groups: groups } = config;
    const first = widths[0] ?? 0;
    const last = widths.at(-1) ?? 0;
    const conv = (name: string, inChannels: number, outChannels: number) =>
      this.child(new Conv2d(within(place, name), { inChannels, outChannels }));
    this.convIn = conv("conv_in", config.in_channels, first);
    this.levels = widths.map((to, i) => {
      const sizes = { from: widths[i - 1] ?? first, to, groups };
      const scaler = i < widths.length - 1 ? ("down" as const) : undefined;
      return this.child(new Level(within(place, `down_blocks.${i}`), sizes, layers, scaler));
    });
    this.middle = this.child(
      new MidBlock(within(place, "mid_block"), last, groups, config.mid_block_add_attention),
    );
    this.normOut = this.child(new GroupNorm(within(place, "conv_norm_out"), groups, last));
    this.convOut = conv("conv_out", last, 2 * config.latent_channels);
  }

  forward(images: Tensor, watch?: Watch): Tensor {
    const seen = (name: string, x: Tensor): Tensor => {
      watch?.(`encoder.${name}`, x);
      return x;
    };
    return chain(
      images,
      [
        (x) => this.convIn.forward(x),
        ...this.levels.map((level, i) => (x: Tensor) => seen(`down_blocks.${i}`, level.forward(x))),
        (x) =>
          seen(
            "mid_block",
            this.middle.forward(x, (attended) => watch?.("encoder.mid_attn", attended)),
          ),
        (x) => seen("conv_norm_out", this.normOut.forward(x)),
        (x) => seen("conv_act", watch === undefined ? silu_(x.alias()) : x.silu()),
        (x) => seen("conv_out", this.convOut.forward(x)),
      ],
      watch !== undefined,
    );
  }
}

class Decoder extends Module {
  private readonly convIn: Conv2d;
  private readonly middle: MidBlock;
  private readonly levels: Level[];
  private readonly normOut: GroupNorm;
  private readonly convOut: Conv2d;

  constructor(place: Place, config: VaeConfig) {
    super(place);
    const { layers_per_block: layers, norm_num_groups: groups } = config;
    const widths = config.block_out_channels.toReversed();
    const first = widths[0] ?? 0;
    const last = widths.at(-1) ?? 0;
    const conv = (name: string, inChannels: number, outChannels: number) =>
      this.child(new Conv2d(within(place, name), { inChannels, outChannels }));
    this.convIn = conv("conv_in", config.latent_channels, first);
    this.levels = widths.map((to, i) => {
      const sizes = { from: widths[i - 1] ?? first, to, groups };
      const scaler = i < widths.length - 1 ? ("up" as const) : undefined;
      return this.child(new Level(within(place, `up_blocks.${i}`), sizes, layers + 1, scaler));
    });
    this.middle = this.child(
      new MidBlock(within(place, "mid_block"), first, groups, config.mid_block_add_attention),
    );
    this.normOut = this.child(new GroupNorm(within(place, "conv_norm_out"), groups, last));
    this.convOut = conv("conv_out", last, config.out_channels);
  }

  forward(latents: Tensor): Tensor {
    return chain(
      latents,
      [
        (x) => this.convIn.forward(x),
        (x) => this.middle.forward(x),
        ...this.levels.map((level) => (x: Tensor) => level.forward(x)),
        (x) => this.convOut.forward(silu_(this.normOut.forward(x))),
      ],
      false,
    );
  }
}

/** Residual blocks of one size, then halving or doubling. */
class Level extends Module {
  private readonly blocks: ResBlock[];
  private readonly scaler: ((x: Tensor) => Tensor) | undefined;

  constructor(
    place: Place,
    { from, to, groups }: { readonly from: number; readonly to: number; readonly groups: number },
    layers: number,
    scaler: "down" | "up" | undefined,
  ) {
    super(place);
    this.blocks = Array.from({ length: layers }, (_, i) =>
      this.child(new ResBlock(within(place, `resnets.${i}`), { from: i === 0 ? from : to, to, groups })),
    );
    if (scaler === undefined) return;
    const name = scaler === "down" ? "downsamplers.0.conv" : "upsamplers.0.conv";
    const steps = scaler === "down" ? { stride: 2, padding: 0 } : {};
    const conv = this.child(new Conv2d(within(place, name), { inChannels: to, outChannels: to, ...steps }));
    // Zeros right and below only, before the convolution of stride 2.
    this.scaler =
      scaler === "down"
        ? (x) => conv.forward(callTensorOp("aten::constant_pad_nd", x, [0, 1, 0, 1], 0))
        : (x) => conv.forward(doubled(x));
  }

  forward(x: Tensor): Tensor {
    const steps = this.blocks.map((block) => (given: Tensor) => block.forward(given));
    return chain(x, this.scaler === undefined ? steps : [...steps, this.scaler], false);
  }
}

/** Every cell four times. */
function doubled(x: Tensor): Tensor {
  const [, , height = 0, width = 0] = x.shape;
  return callTensorOp("aten::upsample_nearest2d", x, [2 * height, 2 * width], 2, 2);
}
