import { scaledDotProductAttention, type Tensor, tidy } from "@hyfw/native";
import { GroupNorm, Linear, Module, type Place, within } from "@hyfw/nn";
import { ResBlock } from "./res-block.js";

/** Attention of one head over all cells of a picture, added to its input. Always libtorch's: K is a whole channel list. */
class CellAttention extends Module {
  private readonly norm: GroupNorm;
  private readonly q: Linear;
  private readonly k: Linear;
  private readonly v: Linear;
  private readonly out: Linear;

  constructor(place: Place, width: number, groups: number) {
    super(place);
    const linear = (name: string) => this.child(new Linear(within(place, name), width, width));
    this.norm = this.child(new GroupNorm(within(place, "group_norm"), groups, width));
    this.q = linear("to_q");
    this.k = linear("to_k");
    this.v = linear("to_v");
    this.out = linear("to_out.0");
  }

  /** @param x [B, C, H, W] */
  forward(x: Tensor): Tensor {
    return tidy(() => {
      const [batch = 0, width = 0] = x.shape;
      const cells = this.norm.forward(x).reshape([batch, width, -1]).transpose(1, 2); // [B, L, C]
      const [q, k, v] = [this.q, this.k, this.v].map((one) => one.forward(cells).unsqueeze(1)); // [B, 1, L, C]
      if (q === undefined || k === undefined || v === undefined) throw new RangeError("no heads");
      const attended = this.out.forward(scaledDotProductAttention(q, k, v).squeeze(1));
      return attended
        .transpose(1, 2)
        .reshape([...x.shape])
        .add(x);
    });
  }
}

/** The middle of encoder and decoder: residual block, attention, residual block. */
export class MidBlock extends Module {
  private readonly first: ResBlock;
  private readonly attention: CellAttention | undefined;
  private readonly second: ResBlock;

  constructor(place: Place, width: number, groups: number, hasAttention: boolean) {
    super(place);
    const sizes = { from: width, to: width, groups };
    this.attention = hasAttention
      ? this.child(new CellAttention(within(place, "attentions.0"), width, groups))
      : undefined;
    this.first = this.child(new ResBlock(within(place, "resnets.0"), sizes));
    this.second = this.child(new ResBlock(within(place, "resnets.1"), sizes));
  }

  /** @param x [B, C, H, W] */
  forward(x: Tensor, onAttention?: (x: Tensor) => void): Tensor {
    const before = this.first.forward(x);
    const attended = this.attention?.forward(before) ?? before;
    onAttention?.(attended);
    return this.second.forward(attended);
  }
}
