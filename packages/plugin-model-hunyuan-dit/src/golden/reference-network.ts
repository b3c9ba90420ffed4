import { join } from "node:path";
import type { Values } from "@hyfw/core";
import { z } from "@hyfw/core";
import { numbers } from "@hyfw/core/golden";
import { cat, type MappedSafetensors, openSafetensors, readSafetensors, Tensor } from "@hyfw/native";
import { sinusoid } from "@hyfw/nn";
import { Heads } from "../network/attention.js";
import { Network } from "../network/network.js";
import { networkSegments, PREDICTION } from "../network/segments.js";
import type { NetworkShape } from "../network/shape.js";

/** How the reference files describe a small network. */
export const ReferenceConfig = z.object({
  hidden_size: z.number(),
  depth: z.number(),
  num_heads: z.number(),
  mlp_ratio: z.number(),
  text_states_dim: z.number(),
  text_states_dim_t5: z.number(),
  text_len: z.number(),
  text_len_t5: z.number(),
  norm: z.enum(["layer", "rms"]),
  in_channels: z.number().default(4),
  learn_sigma: z.boolean().default(true),
  qk_norm: z.boolean().default(true),
  size_cond: z.array(z.number()).nullish(),
  use_style_cond: z.boolean().default(false),
});

/** The shape that such a description stands for. */
export function referenceShape(config: z.output<typeof ReferenceConfig>): NetworkShape {
  return {
    hiddenSize: config.hidden_size,
    depth: config.depth,
    numHeads: config.num_heads,
    mlpHidden: Math.floor(config.hidden_size * config.mlp_ratio),
    inChannels: config.in_channels,
    learnSigma: config.learn_sigma,
    norm: config.norm,
    qkNorm: config.qk_norm,
    useStyleCond: config.use_style_cond,
    sizeCond: config.size_cond !== undefined && config.size_cond !== null,
    textStatesDim: config.text_states_dim,
    textStatesDimT5: config.text_states_dim_t5,
    textLen: config.text_len,
    textLenT5: config.text_len_t5,
  };
}

/** A network with the weights of a reference file. The caller disposes of it. */
export function loadReference(
  folder: string,
  weights: string,
  config: z.output<typeof ReferenceConfig>,
): Network {
  const network = new Network({ path: "", device: "cpu", seed: 0 }, referenceShape(config));
  network.load(readSafetensors(join(folder, weights)));
  return network;
}

/** Opens the tensors beside a JSON file. */
export function tensorsOf(folder: string, name: string): MappedSafetensors {
  return openSafetensors(join(folder, `${name}.safetensors`));
}

/** What segments read, from arrays under the names of the reference files. @param get gives one by name */
export function referenceValues(
  get: (name: string) => Tensor | undefined,
  xt: Tensor,
  t: readonly number[],
): Values {
  const need = (name: string): Tensor => {
    const found = get(name);
    if (found === undefined) throw new Error(`the reference has no ${name}`);
    return found;
  };
  const sizes = get("image_meta_size");
  const mask = cat([need("text_embedding_mask"), need("text_embedding_mask_t5")], 1);
  return {
    xt,
    tSinusoid: sinusoid(t.map((one) => [one])),
    textStates: need("encoder_hidden_states"),
    textStatesT5: need("encoder_hidden_states_t5"),
    textMask: mask.eq(1).unsqueeze(2),
    cos: need("cos"),
    sin: need("sin"),
    ...(sizes !== undefined && { sizeSinusoid: sinusoid(rowsOf(sizes)) }),
  };
}

function rowsOf(matrix: Tensor): number[][] {
  const [rows = 0, columns = 0] = matrix.shape;
  const all = numbers(matrix);
  return Array.from({ length: rows }, (_, i) => all.slice(i * columns, (i + 1) * columns));
}

/** Runs all segments one after the other in one graph. @returns what the last one wrote */
export function runNetwork(network: Network, values: Values): Tensor {
  let all: Record<string, Tensor> = { ...values };
  for (const { run } of networkSegments(network)) all = { ...all, ...run(all) };
  const output = all[PREDICTION];
  if (output === undefined) throw new Error("no segment wrote the prediction");
  return output;
}

/** Keeps the result of every module's `forward`, and of the text states and c, by their place. */
export function watch(network: Network): Map<string, Tensor> {
  const seen = new Map<string, Tensor>();
  const wrap = (target: object, method: string, place: string): void => {
    const original: unknown = Reflect.get(target, method);
    if (typeof original !== "function") return;
    Reflect.set(target, method, (...inputs: unknown[]) => {
      const result: unknown = Reflect.apply(original, target, inputs);
      if (result instanceof Tensor) seen.set(place, result);
      return result;
    });
  };
  for (const module of network.modules()) {
    if (module !== network) wrap(module, "forward", module.place.path);
    if (module instanceof Heads) watchNorms(module, seen);
  }
  wrap(network, "condition", "c");
  wrap(network, "text", "text_states");
  return seen;
}

/** Norm and rotation are one op, so the norms alone are the same op asked for them without rotation. [B, S, N, K] */
function watchNorms(heads: Heads, seen: Map<string, Tensor>): void {
  const split = heads.split.bind(heads);
  heads.split = (x, rules, rotation) => {
    for (const [part, normed] of split(x, rules.toLowerCase()).entries())
      seen.set(`${heads.place.path}.${rules.toLowerCase()[part]}_norm`, normed.transpose(1, 2));
    return split(x, rules, rotation);
  };
}
