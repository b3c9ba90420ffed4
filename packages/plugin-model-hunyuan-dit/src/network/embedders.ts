import type { Tensor } from "@hyfw/native";
import { type Init, Linear, Module, type Place, within } from "@hyfw/nn";

/** Sizes and first weights of a two-layer embedder. */
export interface EmbedderShape {
  readonly inSize: number;
  readonly hidden: number;
  readonly outSize: number;
  /** Name of the two layers in the model file: `mlp.` for the time embedder, nothing for the others. */
  readonly prefix?: string;
  readonly weight?: Init;
}

/** Linear, SiLU, Linear: how text states, time and the extra vector enter. */
export class Embedder extends Module {
  readonly first: Linear;
  readonly second: Linear;

  constructor(place: Place, { inSize, hidden, outSize, prefix = "", weight }: EmbedderShape) {
    super(place);
    const init = weight === undefined ? {} : { weight };
    this.first = this.child(new Linear(within(place, `${prefix}0`), inSize, hidden, init));
    this.second = this.child(new Linear(within(place, `${prefix}2`), hidden, outSize, init));
  }

  /** @param x [..., inSize]. @returns [..., outSize] */
  forward(x: Tensor): Tensor {
    return this.second.forward(this.first.forward(x).silu());
  }
}
