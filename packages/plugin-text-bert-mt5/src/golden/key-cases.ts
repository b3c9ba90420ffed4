import { join } from "node:path";
import { z } from "@hyfw/core";
import { check, type GoldenCase, load, type Outcome, same } from "@hyfw/core/golden";
import type { Module, Place } from "@hyfw/nn";
import { Bert } from "../networks/bert.js";
import { BertConfig } from "../networks/bert-config.js";
import { Mt5Encoder } from "../networks/mt5.js";
import { Mt5Config } from "../networks/mt5-config.js";

const KeyFile = z.object({
  config: z.unknown(),
  total_parameters: z.number(),
  params: z.record(z.string(), z.array(z.number())),
});
type Keys = z.output<typeof KeyFile>;

/** The other name of mT5's table, which is the same tensor. */
const TIED = "encoder.embed_tokens.weight";

/** Names, shapes and totals of the full-size encoders, built without memory. */
export function* keyCases(folder: string): Generator<GoldenCase> {
  for (const [name, build] of [
    ["bert_text_encoder", bertOf],
    ["mt5_xl_encoder", mt5Of],
  ] as const) {
    const facts = load(join(folder, "keys"), `${name}.json`, KeyFile);
    if (facts !== undefined) yield check(`keys/${name}`, () => compare(facts, build(facts)));
  }
}

function compare(facts: Keys, build: (place: Place) => Module): Outcome {
  const network = build({ path: "", device: "meta", seed: 0 });
  const found = new Map(network.parameters().map(({ name, shape }) => [name, shape]));
  network.dispose();
  const expected = Object.entries(facts.params).filter(([name]) => name !== TIED);
  for (const [name, shape] of expected) same(name, found.get(name), shape);
  same("number of tensors", found.size, expected.length);
  const total = [...found.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  same("total", total, facts.total_parameters);
  return { status: "passed", detail: `${found.size} names and shapes, ${total} numbers, exact` };
}

/** The reference's config with the sizes that it leaves to the shapes. */
function bertOf({ config, params }: Keys): (place: Place) => Bert {
  const shape = sizesOf(params);
  const sizes = z.looseObject({}).parse(config);
  const positions = shape("embeddings.position_embeddings.weight", 0);
  const whole = BertConfig.parse({ ...sizes, max_position_embeddings: positions });
  return (place) => new Bert(place, whole);
}

function mt5Of({ params }: Keys): (place: Place) => Mt5Encoder {
  const shape = sizesOf(params);
  const heads = shape("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 1);
  const blocks = new Set(
    Object.keys(params).flatMap((name) => /^encoder\.block\.(\d+)\./.exec(name)?.[1] ?? []),
  );
  const config = Mt5Config.parse({
    vocab_size: shape("shared.weight", 0),
    d_model: shape("shared.weight", 1),
    d_kv: shape("encoder.block.0.layer.0.SelfAttention.q.weight", 0) / heads,
    d_ff: shape("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 0),
    num_layers: blocks.size,
    num_heads: heads,
    feed_forward_proj: "gated-gelu",
  });
  return (place) => new Mt5Encoder(place, config);
}

function sizesOf(params: Keys["params"]): (name: string, axis: number) => number {
  return (name, axis) => {
    const found = params[name]?.[axis];
    if (found === undefined) throw new Error(`the reference has no ${name}`);
    return found;
  };
}
