import { cat, type Tensor } from "@hyfw/native";
import { LayerNorm, Linear, Module, type Norm, type Place, RmsNorm, within, zeroInit } from "@hyfw/nn";
import { CrossAttention, type Rotation, SelfAttention } from "./attention.js";
import { type NetworkShape, skipSource } from "./shape.js";

/** The norm before attention, feed-forward and skip, by the option `norm`. */
function norm(place: Place, size: number, kind: NetworkShape["norm"]): Norm {
  return kind === "rms" ? new RmsNorm(place, size) : new LayerNorm(place, size);
}

/** fc2(gelu_tanh(fc1(x))). */
class FeedForward extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor(place: Place, size: number, hidden: number) {
    super(place);
    this.fc1 = this.child(new Linear(within(place, "fc1"), size, hidden));
    this.fc2 = this.child(new Linear(within(place, "fc2"), hidden, size));
  }

  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).gelu("tanh"));
  }
}

/** What every block reads beside the tokens. */
export interface BlockConditions extends Rotation {
  /** SiLU(c), [B, D]; the same for all blocks, so it is computed once. */
  readonly cSilu: Tensor;
  /** [B, S, textStatesDim] */
  readonly text: Tensor;
}

/**
 * One block: skip (late blocks), self-attention shifted by the condition, cross-attention, feed-forward. The names of
 * the norms are official and not in order: norm1 self-attention, norm3 cross-attention, norm2 feed-forward.
 */
export class Block extends Module {
  readonly norm1: Norm;
  readonly attn1: SelfAttention;
  readonly norm2: Norm;
  readonly mlp: FeedForward;
  readonly modulation: Linear;
  readonly attn2: CrossAttention;
  readonly norm3: Norm;
  readonly skip: { readonly norm: Norm; readonly linear: Linear } | undefined;

  constructor(place: Place, shape: NetworkShape, index: number) {
    super(place);
    const { hiddenSize: size, mlpHidden, norm: kind } = shape;
    this.norm1 = this.child(norm(within(place, "norm1"), size, kind));
    this.attn1 = this.child(new SelfAttention(within(place, "attn1"), shape));
    this.norm2 = this.child(norm(within(place, "norm2"), size, kind));
    this.mlp = this.child(new FeedForward(within(place, "mlp"), size, mlpHidden));
    this.modulation = this.child(
      new Linear(within(place, "default_modulation.1"), size, size, { weight: zeroInit }),
    );
    this.attn2 = this.child(new CrossAttention(within(place, "attn2"), shape, shape.textStatesDim));
    this.norm3 = this.child(norm(within(place, "norm3"), size, kind));
    this.skip =
      skipSource(index, shape.depth) === undefined
        ? undefined
        : {
            norm: this.child(norm(within(place, "skip_norm"), 2 * size, kind)),
            linear: this.child(new Linear(within(place, "skip_linear"), 2 * size, size)),
          };
  }

  /** @param x [B, L, D]; @param skipped the early block's output, for late blocks. @returns [B, L, D] */
  forward(x: Tensor, conditions: BlockConditions, skipped: Tensor | undefined): Tensor {
    const { cSilu, text } = conditions;
    let h = x;
    if (this.skip !== undefined && skipped !== undefined)
      h = this.skip.linear.forward(this.skip.norm.forward(cat([h, skipped], 2)));
    const shift = this.modulation.forward(cSilu).unsqueeze(1); // [B, 1, D]
    h = h.add(this.attn1.forward(this.norm1.forward(h).add(shift), conditions));
    h = h.add(this.attn2.forward(this.norm3.forward(h), text, conditions));
    return h.add(this.mlp.forward(this.norm2.forward(h)));
  }
}
