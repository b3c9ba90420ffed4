import { noGrad, type Tensor, tidy } from "@hyfw/native";
import {
  Embedding,
  joinHeads,
  LayerNorm,
  Linear,
  Module,
  maskedAttention,
  type Place,
  splitHeads,
  within,
} from "@hyfw/nn";
import type { BertConfig } from "./bert-config.js";
import { keyMask } from "./key-mask.js";

/**
 * BERT's encoder (Devlin et al. 2018), post-norm: embeddings, then blocks of attention and feed-forward, each followed
 * by a norm over the sum. Names as transformers' BertModel without a pooler.
 */
export class Bert extends Module {
  private readonly embeddings: Embeddings;
  private readonly layers: Layer[];

  constructor(
    place: Place,
    private readonly config: BertConfig,
  ) {
    super(place);
    this.embeddings = this.child(new Embeddings(within(place, "embeddings"), config));
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) =>
      this.child(new Layer(within(place, `encoder.layer.${i}`), config)),
    );
  }

  /**
   * The last hidden states.
   * @param ids int64 [B, S]; @param mask int64 [B, S], 1 for real tokens
   * @param onLayer told of the embeddings and of every layer's output
   * @returns [B, S, D] in the weights' element type
   */
  forward(ids: Tensor, mask: Tensor, onLayer?: (states: Tensor) => void): Tensor {
    return noGrad(() => {
      let states = this.embeddings.forward(ids);
      onLayer?.(states);
      const hidden = keyMask(mask, states.dtype);
      for (const layer of this.layers) {
        const given = states;
        states = tidy(() => layer.forward(given, hidden, this.config.num_attention_heads));
        if (onLayer === undefined) given.dispose();
        else onLayer(states);
      }
      return states;
    });
  }
}

/** Rows of words, positions from 0 and token type 0, summed and normed. */
class Embeddings extends Module {
  private readonly words: Embedding;
  private readonly positions: Embedding;
  private readonly types: Embedding;
  private readonly norm: LayerNorm;

  constructor(place: Place, config: BertConfig) {
    super(place);
    const { vocab_size, max_position_embeddings, type_vocab_size, hidden_size, layer_norm_eps } = config;
    const table = (name: string, rows: number) =>
      this.child(new Embedding(within(place, name), rows, hidden_size));
    this.words = table("word_embeddings", vocab_size);
    this.positions = table("position_embeddings", max_position_embeddings);
    this.types = table("token_type_embeddings", type_vocab_size);
    this.norm = this.child(new LayerNorm(within(place, "LayerNorm"), hidden_size, layer_norm_eps));
  }

  forward(ids: Tensor): Tensor {
    const positions = this.positions.weight.tensor().narrow(0, 0, ids.shape[1] ?? 0); // [S, D]
    const type = this.types.weight.tensor().narrow(0, 0, 1); // [1, D]
    return this.norm.forward(this.words.forward(ids).add(type).add(positions)); // [B, S, D]
  }
}

class Layer extends Module {
  private readonly query: Linear;
  private readonly key: Linear;
  private readonly value: Linear;
  private readonly out: Linear;
  private readonly attentionNorm: LayerNorm;
  private readonly up: Linear;
  private readonly down: Linear;
  private readonly outputNorm: LayerNorm;

  constructor(place: Place, { hidden_size: width, intermediate_size, layer_norm_eps: eps }: BertConfig) {
    super(place);
    const linear = (name: string, from = width, to = width) =>
      this.child(new Linear(within(place, name), from, to));
    const norm = (name: string) => this.child(new LayerNorm(within(place, name), width, eps));
    this.query = linear("attention.self.query");
    this.key = linear("attention.self.key");
    this.value = linear("attention.self.value");
    this.out = linear("attention.output.dense");
    this.attentionNorm = norm("attention.output.LayerNorm");
    this.up = linear("intermediate.dense", width, intermediate_size);
    this.down = linear("output.dense", intermediate_size, width);
    this.outputNorm = norm("output.LayerNorm");
  }

  forward(x: Tensor, mask: Tensor, heads: number): Tensor {
    const [q, k, v] = [this.query, this.key, this.value].map((one) =>
      splitHeads(one.forward(x), 1, heads)[0]?.transpose(1, 2),
    );
    if (q === undefined || k === undefined || v === undefined) throw new RangeError("no heads");
    const scale = 1 / Math.sqrt(q.shape.at(-1) ?? 1);
    const attended = joinHeads(maskedAttention(q, k, v, { mask, scale })); // [B, S, D]
    const middle = this.attentionNorm.forward(this.out.forward(attended).add(x));
    return this.outputNorm.forward(this.down.forward(this.up.forward(middle).gelu()).add(middle));
  }
}
