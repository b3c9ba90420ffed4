import { cat, type Tensor, where } from "@hyfw/native";
import {
  Embedding,
  Module,
  normalInit,
  type Parameter,
  PatchEmbed,
  type Place,
  SINUSOID_WIDTH,
  withDtype,
  within,
} from "@hyfw/nn";
import { Block } from "./block.js";
import { Embedder } from "./embedders.js";
import { FinalLayer, unpatchify } from "./final-layer.js";
import { AttentionPool } from "./pooler.js";
import { type NetworkShape, PATCH_SIZE, POOLED_WIDTH, SIZE_NUMBERS } from "./shape.js";

/** What the first segment reads. */
export interface EmbedInputs {
  /** Noised latents, [B, C, H, W]. */
  readonly xt: Tensor;
  /** Sinusoid of t, [B, 256]. */
  readonly tSinusoid: Tensor;
  /** [B, textLen, textStatesDim] */
  readonly textStates: Tensor;
  /** [B, textLenT5, textStatesDimT5] */
  readonly textStatesT5: Tensor;
  /** True at real tokens of both encoders, [B, textLen + textLenT5, 1]. */
  readonly textMask: Tensor;
  /** Sinusoids of the six size numbers, [B, 6·256]; with the size condition only. */
  readonly sizeSinusoid?: Tensor | undefined;
}

/** What the first segment writes. */
export interface Embedded {
  /** Image tokens, [B, L, D]. */
  readonly x: Tensor;
  /** SiLU of the condition vector c, [B, D]: all that blocks and final layer use of it. */
  readonly cSilu: Tensor;
  /** Text states with learned rows at padding, [B, S, textStatesDim]. */
  readonly text: Tensor;
}

/** HunyuanDiT's network: modules under official names, in the order of the official model file. */
export class Network extends Module {
  readonly padding: Parameter;
  readonly mlpT5: Embedder;
  readonly pooler: AttentionPool;
  readonly styleEmbedder: Embedding | undefined;
  readonly xEmbedder: PatchEmbed;
  readonly tEmbedder: Embedder;
  readonly extraEmbedder: Embedder;
  readonly blocks: readonly Block[];
  readonly finalLayer: FinalLayer;

  constructor(
    place: Place,
    readonly shape: NetworkShape,
  ) {
    super(place);
    const { hiddenSize, textStatesDim, textStatesDimT5, textLen, textLenT5, inChannels, depth } = shape;
    const at = (name: string): Place => within(place, name);
    this.padding = this.parameter(
      "text_embedding_padding",
      [textLen + textLenT5, textStatesDim],
      normalInit(1),
    );
    this.mlpT5 = this.child(
      new Embedder(at("mlp_t5"), {
        inSize: textStatesDimT5,
        hidden: 4 * textStatesDimT5,
        outSize: textStatesDim,
      }),
    );
    this.pooler = this.child(new AttentionPool(at("pooler"), textLenT5, textStatesDimT5));
    if (shape.useStyleCond)
      this.styleEmbedder = this.child(new Embedding(at("style_embedder"), 1, hiddenSize));
    this.xEmbedder = this.child(
      new PatchEmbed(at("x_embedder.proj"), { channels: inChannels, patchSize: PATCH_SIZE, hiddenSize }),
    );
    this.tEmbedder = this.child(
      new Embedder(at("t_embedder"), {
        inSize: SINUSOID_WIDTH,
        hidden: hiddenSize,
        outSize: hiddenSize,
        prefix: "mlp.",
        weight: normalInit(0.02),
      }),
    );
    this.extraEmbedder = this.child(
      new Embedder(at("extra_embedder"), {
        inSize: extraWidth(shape),
        hidden: 4 * hiddenSize,
        outSize: hiddenSize,
        weight: normalInit(0.02),
      }),
    );
    this.blocks = Array.from({ length: depth }, (_, i) => this.child(new Block(at(`blocks.${i}`), shape, i)));
    this.finalLayer = this.child(new FinalLayer(at("final_layer"), shape));
  }

  /** Image tokens, condition and text, before the first block. */
  embed(inputs: EmbedInputs): Embedded {
    return {
      x: this.xEmbedder.forward(inputs.xt),
      cSilu: this.condition(inputs).silu(),
      text: this.text(inputs),
    };
  }
  /** Both encoders' states one after the other, with the learned row of its position wherever the mask is 0. */
  text({ textStates, textStatesT5, textMask }: EmbedInputs): Tensor {
    const projected = this.mlpT5.forward(textStatesT5);
    const joined = cat([withDtype(textStates, projected.dtype), projected], 1);
    return where(textMask, joined, withDtype(this.padding.tensor(), projected.dtype)); // [B, S, textStatesDim]
  }
  /** The condition vector c: time, pooled text, and size and style where the version has them; [B, D]. */
  condition({ tSinusoid, textStatesT5, sizeSinusoid }: EmbedInputs): Tensor {
    const parts = [this.pooler.forward(textStatesT5)];
    const [pooled] = parts as [Tensor];
    if (sizeSinusoid !== undefined) parts.push(withDtype(sizeSinusoid, pooled.dtype));
    if (this.styleEmbedder !== undefined) {
      const [batch = 0] = pooled.shape;
      const row = this.styleEmbedder.weight.tensor().expand([batch, this.shape.hiddenSize]);
      parts.push(withDtype(row, pooled.dtype));
    }
    const extra = parts.length === 1 ? pooled : cat(parts, 1);
    return this.tEmbedder.forward(tSinusoid).add(this.extraEmbedder.forward(extra));
  }
  /** Tokens to the prediction (and variance values), float32 [B, channels, H, W]. */
  final(x: Tensor, cSilu: Tensor, { height, width }: { height: number; width: number }): Tensor {
    return withDtype(unpatchify(this.finalLayer.forward(x, cSilu), height, width), "float32");
  }
}

function extraWidth({ hiddenSize, sizeCond, useStyleCond }: NetworkShape): number {
  return POOLED_WIDTH + (sizeCond ? SIZE_NUMBERS * SINUSOID_WIDTH : 0) + (useStyleCond ? hiddenSize : 0);
}
