import { embedding, fromTypedArray, noGrad, type Tensor, tidy } from "@hyfw/native";
import {
  Embedding,
  joinHeads,
  Module,
  maskedAttention,
  type Place,
  Projection,
  RmsNorm,
  splitHeads,
  withDtype,
  within,
} from "@hyfw/nn";
import { keyMask } from "./key-mask.js";
import type { Mt5Config } from "./mt5-config.js";
import { relativeBuckets } from "./relative-positions.js";

/** Weights that stay float32 in a float16 encoder: their input is a product that float16 cannot hold. */
export const WIDE_IN_HALF = /\.DenseReluDense\.wo\.weight$/;

/**
 * The encoder of mT5 (Xue et al. 2020; T5 1.1): pre-norm blocks of attention and gated feed-forward, no biases, no
 * 1/√K, positions as a bias that block 0 holds for all. The sum that runs through the blocks is float32 whatever the
 * weights are, and the gated product is multiplied in float32 when the weights are float16: large activations are
 * ordinary in this network, and float16 ends at 65504. Names as transformers' T5EncoderModel, the table once.
 */
export class Mt5Encoder extends Module {
  private readonly table: Embedding;
  private readonly blocks: Block[];
  private readonly norm: RmsNorm;

  constructor(
    place: Place,
    private readonly config: Mt5Config,
  ) {
    super(place);
    this.table = this.child(new Embedding(within(place, "shared"), config.vocab_size, config.d_model));
    this.blocks = Array.from({ length: config.num_layers }, (_, i) =>
      this.child(new Block(within(place, `encoder.block.${i}`), config, i === 0)),
    );
    const last = within(place, "encoder.final_layer_norm");
    this.norm = this.child(new RmsNorm(last, config.d_model, config.layer_norm_epsilon));
  }

  /**
   * The states after the final norm.
   * @param ids int64 [B, S]; @param mask int64 [B, S], 1 for real tokens
   * @param onLayer told of the embeddings and of every block's output but the last, and of the result
   * @returns float32 [B, S, D]
   */
  forward(ids: Tensor, mask: Tensor, onLayer?: (states: Tensor) => void): Tensor {
    return noGrad(() => {
      let states = withDtype(this.table.forward(ids), "float32");
      const bias = this.bias(ids.shape[1] ?? 0, mask);
      for (const block of this.blocks) {
        const given = states;
        onLayer?.(given);
        states = tidy(() => block.forward(given, bias));
        if (onLayer === undefined) given.dispose();
      }
      const last = this.norm.forward(states);
      onLayer?.(last);
      return last;
    });
  }

  /** Positions and padding, added to the scores of every block: [B, N, S, S] in the weights' element type. */
  private bias(length: number, mask: Tensor): Tensor {
    const { relative_attention_num_buckets: buckets, relative_attention_max_distance: far } = this.config;
    const table = this.blocks[0]?.positions?.weight.tensor();
    if (table === undefined) throw new RangeError("block 0 holds no positions");
    const pairs = fromTypedArray(relativeBuckets(length, buckets, far), [length, length]);
    const { device } = table;
    const there = device === "cpu" || device === "meta" ? pairs : pairs.to({ device });
    const positions = embedding(table, there).permute([2, 0, 1]).unsqueeze(0); // [1, N, S, S]
    return positions.add(keyMask(mask, table.dtype));
  }
}

class Block extends Module {
  readonly positions: Embedding | undefined;
  private readonly attentionNorm: RmsNorm;
  private readonly q: Projection;
  private readonly k: Projection;
  private readonly v: Projection;
  private readonly out: Projection;
  private readonly feedNorm: RmsNorm;
  private readonly gate: Projection;
  private readonly up: Projection;
  private readonly down: Projection;

  constructor(
    place: Place,
    private readonly config: Mt5Config,
    isFirst: boolean,
  ) {
    super(place);
    const { d_model, d_kv, d_ff, num_heads, layer_norm_epsilon: eps } = config;
    const inner = d_kv * num_heads;
    const project = (name: string, from: number, to: number) =>
      this.child(new Projection(within(place, name), from, to));
    const norm = (name: string) => this.child(new RmsNorm(within(place, name), d_model, eps));
    this.q = project("layer.0.SelfAttention.q", d_model, inner);
    this.k = project("layer.0.SelfAttention.k", d_model, inner);
    this.v = project("layer.0.SelfAttention.v", d_model, inner);
    this.out = project("layer.0.SelfAttention.o", inner, d_model);
    const table = within(place, "layer.0.SelfAttention.relative_attention_bias");
    this.positions = isFirst
      ? this.child(new Embedding(table, config.relative_attention_num_buckets, num_heads))
      : undefined;
    this.attentionNorm = norm("layer.0.layer_norm");
    this.gate = project("layer.1.DenseReluDense.wi_0", d_model, d_ff);
    this.up = project("layer.1.DenseReluDense.wi_1", d_model, d_ff);
    this.down = project("layer.1.DenseReluDense.wo", d_ff, d_model);
    this.feedNorm = norm("layer.1.layer_norm");
  }

  /** @param x float32 [B, S, D]. @returns float32 [B, S, D] */
  forward(x: Tensor, bias: Tensor): Tensor {
    const middle = x.add(this.attend(this.attentionNorm.forward(x), bias));
    return middle.add(this.feed(this.feedNorm.forward(middle)));
  }

  private attend(x: Tensor, mask: Tensor): Tensor {
    const given = withDtype(x, this.q.weight.dtype);
    const [q, k, v] = [this.q, this.k, this.v].map((one) =>
      splitHeads(one.forward(given), 1, this.config.num_heads)[0]?.transpose(1, 2),
    );
    if (q === undefined || k === undefined || v === undefined) throw new RangeError("no heads");
    const attended = maskedAttention(q, k, v, { mask, scale: 1 });
    return withDtype(this.out.forward(joinHeads(attended)), "float32");
  }
  /** wo(gelu(wi_0·x) · wi_1·x), the product in wo's element type. */
  private feed(x: Tensor): Tensor {
    const given = withDtype(x, this.gate.weight.dtype);
    const wide = this.down.weight.dtype;
    const gate = withDtype(this.gate.forward(given).gelu("tanh"), wide);
    const product = gate.mul(withDtype(this.up.forward(given), wide));
    return withDtype(this.down.forward(product), "float32");
  }
}
