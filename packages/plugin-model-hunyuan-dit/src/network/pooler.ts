import { cat, type Tensor } from "@hyfw/native";
import {
  attention,
  joinHeads,
  Linear,
  Module,
  normalInit,
  type Parameter,
  type Place,
  splitHeads,
  withDtype,
  within,
} from "@hyfw/nn";
import { POOLED_WIDTH, POOLER_HEADS } from "./shape.js";

/**
 * Attention pool over the mT5 states: their mean is put before them, learned positions are added, and that mean asks
 * all of them. Padded positions take part.
 */
export class AttentionPool extends Module {
  readonly positions: Parameter;
  readonly kProj: Linear;
  readonly qProj: Linear;
  readonly vProj: Linear;
  readonly cProj: Linear;

  constructor(place: Place, length: number, width: number) {
    super(place);
    this.positions = this.parameter("positional_embedding", [length + 1, width], normalInit(width ** -0.5));
    this.kProj = this.child(new Linear(within(place, "k_proj"), width, width));
    this.qProj = this.child(new Linear(within(place, "q_proj"), width, width));
    this.vProj = this.child(new Linear(within(place, "v_proj"), width, width));
    this.cProj = this.child(new Linear(within(place, "c_proj"), width, POOLED_WIDTH));
  }

  /** @param states [B, S, width]. @returns [B, 1024] */
  forward(states: Tensor): Tensor {
    const dtype = this.kProj.weight.dtype;
    const raw = withDtype(states, dtype);
    const tokens = cat([raw.mean([1], true), raw], 1).add(withDtype(this.positions.tensor(), dtype)); // [B, S + 1, width]
    const [q] = splitHeads(this.qProj.forward(tokens.narrow(1, 0, 1)), 1, POOLER_HEADS) as [Tensor];
    const [k] = splitHeads(this.kProj.forward(tokens), 1, POOLER_HEADS) as [Tensor];
    const [v] = splitHeads(this.vProj.forward(tokens), 1, POOLER_HEADS) as [Tensor];
    const seen = attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)); // [B, 8, 1, width / 8]
    return this.cProj.forward(joinHeads(seen).squeeze(1));
  }
}
