import { callOp, type Tensor, tidy } from "@hyfw/native";
import { Conv2d, GroupNorm, Module, type Place, within } from "@hyfw/nn";

/** Widths of a residual block. */
export interface ResSizes {
  readonly from: number;
  readonly to: number;
  readonly groups: number;
}

/** Norm, SiLU, convolution, twice, beside a 1x1 convolution where the width changes. */
export class ResBlock extends Module {
  private readonly norm1: GroupNorm;
  private readonly conv1: Conv2d;
  private readonly norm2: GroupNorm;
  private readonly conv2: Conv2d;
  private readonly shortcut: Conv2d | undefined;

  constructor(place: Place, { from, to, groups }: ResSizes) {
    super(place);
    const conv = (name: string, inChannels: number, kernel = 3) =>
      this.child(new Conv2d(within(place, name), { inChannels, outChannels: to, kernel }));
    this.norm1 = this.child(new GroupNorm(within(place, "norm1"), groups, from));
    this.conv1 = conv("conv1", from);
    this.norm2 = this.child(new GroupNorm(within(place, "norm2"), groups, to));
    this.conv2 = conv("conv2", to);
    this.shortcut = from === to ? undefined : conv("conv_shortcut", from, 1);
  }

  /** @param x [B, from, H, W]. @returns [B, to, H, W] */
  forward(x: Tensor): Tensor {
    // Pictures are large here: each inner scope frees what only it needs.
    const half = tidy(() => this.conv1.forward(silu_(this.norm1.forward(x))));
    const whole = tidy(() => this.conv2.forward(silu_(this.norm2.forward(half))));
    half.dispose();
    return whole.add_(this.shortcut?.forward(x) ?? x);
  }
}

/** x · sigmoid(x), in place: for a tensor that nothing else reads. */
export function silu_(x: Tensor): Tensor {
  callOp("aten::silu_", x);
  return x;
}
