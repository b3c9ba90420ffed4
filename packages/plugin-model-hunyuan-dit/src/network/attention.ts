import { type HeadNorms, projectHeads, type Tensor } from "@hyfw/native";
import { attention, joinHeads, LayerNorm, Linear, Module, type Place, within } from "@hyfw/nn";

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

/** Splits projections into heads; q and k are normed per head, with one set of weights for all heads, and rotated. */
export class Heads extends Module {
  private readonly q: LayerNorm | undefined;
  private readonly k: LayerNorm | undefined;

  constructor(
    place: Place,
    private readonly numHeads: number,
    { headSize, qkNorm }: { readonly headSize: number; readonly qkNorm: boolean },
  ) {
    super(place);
    if (!qkNorm) return;
    this.q = this.child(new LayerNorm(within(place, "q_norm"), headSize));
    this.k = this.child(new LayerNorm(within(place, "k_norm"), headSize));
  }

  /**
   * @param x [B, S, P·N·K]; @param rules a letter per part: q or k is normed, v is not; a capital one is rotated too
   * @returns per part [B, N, S, K]
   */
  split(x: Tensor, rules: string, rotation?: Rotation): Tensor[] {
    const { q, k } = this;
    const norms: HeadNorms = {
      ...(q && { q: weightsOf(q) }),
      ...(k && { k: weightsOf(k) }),
      eps: q?.eps ?? 0,
    };
    return projectHeads(x, this.numHeads, rules, norms, rotation);
  }
}

const weightsOf = ({ weight, bias }: LayerNorm) => ({ weight: weight.tensor(), bias: bias.tensor() });

/** Tokens look at each other: q, k and v from one linear layer, q and k normed per head and rotated. */
export class SelfAttention extends Module {
  readonly wqkv: Linear;
  readonly heads: Heads;
  readonly outProj: Linear;

  constructor(place: Place, { hiddenSize, numHeads, qkNorm }: AttentionShape) {
    super(place);
    this.wqkv = this.child(new Linear(within(place, "Wqkv"), hiddenSize, 3 * hiddenSize));
    this.heads = this.child(new Heads(place, numHeads, { headSize: hiddenSize / numHeads, qkNorm }));
    this.outProj = this.child(new Linear(within(place, "out_proj"), hiddenSize, hiddenSize));
  }

  /** @param x [B, L, D]. @returns [B, L, D] */
  forward(x: Tensor, rotation: Rotation): Tensor {
    const [q, k, v] = this.heads.split(this.wqkv.forward(x), "QKv", rotation) as [Tensor, Tensor, Tensor]; // [B, N, L, K]
    const turned = attention(q, k, v);
    return this.outProj.forward(joinHeads(turned));
  }
}

/** Tokens look at the text: only q is rotated, and no mask is used, since padding has become learned rows. */
export class CrossAttention extends Module {
  readonly qProj: Linear;
  readonly kvProj: Linear;
  readonly heads: Heads;
  readonly outProj: Linear;

  constructor(place: Place, { hiddenSize, numHeads, qkNorm }: AttentionShape, textStatesDim: number) {
    super(place);
    this.qProj = this.child(new Linear(within(place, "q_proj"), hiddenSize, hiddenSize));
    this.kvProj = this.child(new Linear(within(place, "kv_proj"), textStatesDim, 2 * hiddenSize));
    this.heads = this.child(new Heads(place, numHeads, { headSize: hiddenSize / numHeads, qkNorm }));
    this.outProj = this.child(new Linear(within(place, "out_proj"), hiddenSize, hiddenSize));
  }

  /** @param x [B, L, D]; @param text [B, S, textStatesDim]. @returns [B, L, D] */
  forward(x: Tensor, text: Tensor, rotation: Rotation): Tensor {
    const [q] = this.heads.split(this.qProj.forward(x), "Q", rotation) as [Tensor]; // [B, N, L, K]
    const [k, v] = this.heads.split(this.kvProj.forward(text), "kv") as [Tensor, Tensor]; // [B, N, S, K]
    const seen = attention(q, k, v);
    return this.outProj.forward(joinHeads(seen));
  }
}
