import type { WeightFile } from "@hyfw/core";
import { compareNames, type LoadFaults } from "@hyfw/nn";
import { weightsUnknown } from "../errors.js";
import { Network } from "../network/network.js";
import { type NetworkShape, SIZE_NUMBERS } from "../network/shape.js";

/** What weights are, told by their names and shapes alone. */
export interface Recognised {
  readonly shape: NetworkShape;
  readonly model: "DiT-g/2" | "DiT-XL/2" | "custom";
  /** 1.0 and 1.1 have the same names and shapes. */
  readonly version: "1.2" | "1.0 or 1.1";
  readonly parameters: number;
}

/** Width of sinusoids of each number of the size condition. */
const SIZE_WIDTH = 256;
/** Width and blocks of the official models. */
const OFFICIAL = { "DiT-g/2": [1408, 40], "DiT-XL/2": [1152, 28] } as const;

/**
 * Works out the network that official names and shapes belong to.
 * @throws HYFW_DIT_WEIGHTS_UNKNOWN when tensors that tell are missing
 */
export function recognise(file: WeightFile): Recognised {
  const size = (name: string, axis: number): number => {
    const found = file.has(name) ? file.entry(name).shape[axis] : undefined;
    if (found === undefined) throw weightsUnknown(file.path, file.names());
    return found;
  };
  const blocks = file.names().map((name) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1));
  const hiddenSize = size("x_embedder.proj.weight", 0);
  const depth = blocks.reduce((most, block) => Math.max(most, block), -1) + 1;
  const qkNorm = file.has("blocks.0.attn1.q_norm.weight");
  const inChannels = size("x_embedder.proj.weight", 1);
  const patch = size("x_embedder.proj.weight", 2);
  const textLenT5 = size("pooler.positional_embedding", 0) - 1;
  const useStyleCond = file.has("style_embedder.weight");
  const pooled = size("pooler.c_proj.weight", 0);
  const extra = size("extra_embedder.0.weight", 1) - pooled - (useStyleCond ? hiddenSize : 0);
  const shape: NetworkShape = {
    hiddenSize,
    depth,
    numHeads: qkNorm ? hiddenSize / size("blocks.0.attn1.q_norm.weight", 0) : 16,
    mlpHidden: size("blocks.0.mlp.fc1.weight", 0),
    inChannels,
    learnSigma: size("final_layer.linear.weight", 0) > patch ** 2 * inChannels,
    norm: file.has("blocks.0.norm1.bias") ? "layer" : "rms",
    qkNorm,
    useStyleCond,
    sizeCond: extra === SIZE_NUMBERS * SIZE_WIDTH,
    textStatesDim: size("mlp_t5.2.weight", 0),
    textStatesDimT5: size("mlp_t5.0.weight", 1),
    textLen: size("text_embedding_padding", 0) - textLenT5,
    textLenT5,
  };
  const model = (["DiT-g/2", "DiT-XL/2"] as const).find(
    (name) => OFFICIAL[name][0] === hiddenSize && OFFICIAL[name][1] === depth,
  );
  const parameters = file
    .names()
    .reduce((sum, name) => sum + file.entry(name).shape.reduce((product, length) => product * length, 1), 0);
  return {
    shape,
    model: model ?? "custom",
    version: useStyleCond ? "1.0 or 1.1" : "1.2",
    parameters,
  };
}

/** What names and shapes lack or have too much of, compared with the network that they belong to. No memory is used. */
export function compareWithNetwork(file: WeightFile, shape: NetworkShape): LoadFaults {
  const network = new Network({ path: "", device: "meta", seed: 0 }, shape);
  try {
    const entries = Object.fromEntries(file.names().map((name) => [name, file.entry(name)]));
    return compareNames(network.parameters(), entries);
  } finally {
    network.dispose();
  }
}
