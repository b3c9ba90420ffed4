import { rotary, type Tensor } from "@hyfw/native";
import { attention, joinHeads, LayerNorm, Linear, Module, type Place, splitHeads, within } from "@hyfw/nn";

/** Sizes of one attention. */
export interface AttentionShape {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly qkNorm: boolean;
}

/** Rotary tables of the image tokens, float32 [L, K]. */
export interface Rotation {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** Tokens look at each other: q, k and v from one linear layer, q and k normed per head and rotated. */
export class SelfAttention extends Module {
  readonly wqkv: Linear;
  readonly qNorm: LayerNorm | undefined;
  readonly kNorm: LayerNorm | undefined;
  readonly outProj: Linear;

  constructor(
    place: Place,
    private readonly shape: AttentionShape,
  ) {
    super(place);
    const { hiddenSize, numHeads, qkNorm } = shape;
    this.wqkv = this.child(new Linear(within(place, "Wqkv"), hiddenSize, 3 * hiddenSize));
    if (qkNorm) {
      this.qNorm = this.child(new LayerNorm(within(place, "q_norm"), hiddenSize / numHeads));
      this.kNorm = this.child(new LayerNorm(within(place, "k_norm"), hiddenSize / numHeads));
    }
    this.outProj = this.child(new Linear(within(place, "out_proj"), hiddenSize, hiddenSize));
  }

  /** @param x [B, L, D]. @returns [B, L, D] */
  forward(x: Tensor, { cos, sin }: Rotation): Tensor {
    const [q, k, v] = splitHeads(this.wqkv.forward(x), 3, this.shape.numHeads) as [Tensor, Tensor, Tensor];
    const turned = attention(
      rotary((this.qNorm?.forward(q) ?? q).transpose(1, 2), cos, sin), // [B, N, L, K]
      rotary((this.kNorm?.forward(k) ?? k).transpose(1, 2), cos, sin),
      v.transpose(1, 2),
    );
    return this.outProj.forward(joinHeads(turned));
  }
}

/** Tokens look at the text: only q is rotated, and no mask is used, since padding has become learned rows. */
export class CrossAttention extends Module {
  readonly qProj: Linear;
  readonly kvProj: Linear;
  readonly qNorm: LayerNorm | undefined;
  readonly kNorm: LayerNorm | undefined;
  readonly outProj: Linear;

  constructor(
    place: Place,
    private readonly shape: AttentionShape,
    textStatesDim: number,
  ) {
    super(place);
    const { hiddenSize, numHeads, qkNorm } = shape;
    this.qProj = this.child(new Linear(within(place, "q_proj"), hiddenSize, hiddenSize));
    this.kvProj = this.child(new Linear(within(place, "kv_proj"), textStatesDim, 2 * hiddenSize));
    if (qkNorm) {
      this.qNorm = this.child(new LayerNorm(within(place, "q_norm"), hiddenSize / numHeads));
      this.kNorm = this.child(new LayerNorm(within(place, "k_norm"), hiddenSize / numHeads));
    }
    this.outProj = this.child(new Linear(within(place, "out_proj"), hiddenSize, hiddenSize));
  }

  /** @param x [B, L, D]; @param text [B, S, textStatesDim]. @returns [B, L, D] */
  forward(x: Tensor, text: Tensor, { cos, sin }: Rotation): Tensor {
    const [q] = splitHeads(this.qProj.forward(x), 1, this.shape.numHeads) as [Tensor];
    const [k, v] = splitHeads(this.kvProj.forward(text), 2, this.shape.numHeads) as [Tensor, Tensor];
    const seen = attention(
      rotary((this.qNorm?.forward(q) ?? q).transpose(1, 2), cos, sin), // [B, N, L, K]
      (this.kNorm?.forward(k) ?? k).transpose(1, 2), // [B, N, S, K]
      v.transpose(1, 2),
    );
    return this.outProj.forward(joinHeads(seen));
  }
}
