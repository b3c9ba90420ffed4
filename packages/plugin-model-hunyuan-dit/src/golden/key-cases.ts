import { join } from "node:path";
import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, jsonNames, load, same } from "@hyfw/core/golden";
import { Network } from "../network/network.js";
import { networkShape } from "../network/shape.js";
import { HunyuanDitOptions } from "../options.js";

const KeyFile = z.object({
  model: z.enum(["DiT-g/2", "DiT-XL/2"]),
  total_parameters: z.number(),
  n_tensors: z.number(),
  params: z.record(z.string(), z.array(z.number())),
});

/** Names, order, shapes and totals of the full-size models, built without memory. */
export function* keyCases(folder: string): Generator<GoldenCase> {
  const keys = join(folder, "keys");
  for (const name of jsonNames(keys, /./)) {
    if (name.startsWith("hydit_")) yield check(`keys/${name}`, () => compareKeys(keys, name));
  }
}

function compareKeys(keys: string, name: string): { status: "passed"; detail: string } {
  const facts = load(keys, `${name}.json`, KeyFile);
  if (facts === undefined) throw new Error(`${name}.json is gone`);
  const size = (parameter: string, axis: number): number => {
    const found = facts.params[parameter]?.[axis];
    if (found === undefined) throw new Error(`the reference has no ${parameter}`);
    return found;
  };
  const textLenT5 = size("pooler.positional_embedding", 0) - 1;
  const inChannels = size("x_embedder.proj.weight", 1);
  const isOld = "style_embedder.weight" in facts.params; // versions 1.0 and 1.1
  const options = HunyuanDitOptions.parse({
    model: facts.model,
    useStyleCond: isOld,
    sizeCond: isOld ? [1024, 1024] : null,
    learnSigma: size("final_layer.linear.weight", 0) > 4 * inChannels,
    norm: "blocks.0.norm1.bias" in facts.params ? "layer" : "rms",
  });
  const shape = networkShape(options, {
    inChannels,
    textStatesDim: size("mlp_t5.2.weight", 0),
    textStatesDimT5: size("mlp_t5.0.weight", 1),
    textLen: size("text_embedding_padding", 0) - textLenT5,
    textLenT5,
  });
  const network = new Network({ path: "", device: "meta", seed: 0 }, shape);
  try {
    const found = network.parameters().map(({ name: key, shape: sizes }) => [key, sizes] as const);
    for (const [i, expected] of Object.entries(facts.params).entries())
      same(`parameter ${i}`, found[i], expected);
    same("number of parameters", found.length, facts.n_tensors);
    const total = found.reduce((sum, [, sizes]) => sum + sizes.reduce((a, b) => a * b, 1), 0);
    same("total", total, facts.total_parameters);
    return { status: "passed", detail: `${found.length} names and shapes in order, ${total} numbers, exact` };
  } finally {
    network.dispose();
  }
}
