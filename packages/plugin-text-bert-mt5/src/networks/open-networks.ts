import { join } from "node:path";
import { openWeights, readModelConfig, renamedWeights, type WeightFile } from "@hyfw/core/weights";
import type { DeviceName, DType } from "@hyfw/native";
import { frozenBytes, loadFrozen, type Module, type Place } from "@hyfw/nn";
import { encoderConfig } from "../errors.js";
import { Bert } from "./bert.js";
import { BertConfig } from "./bert-config.js";
import { Mt5Encoder, WIDE_IN_HALF } from "./mt5.js";
import { Mt5Config } from "./mt5-config.js";

/** A network on disk: its settings are read, its weights are not. */
export interface StoredNetwork<Network extends Module, Config> {
  readonly folder: string;
  readonly config: Config;
  /** The network without numbers, for its names and sizes. */
  readonly drawing: Network;
  /** Reads the weights. The caller disposes of the network. @throws HYFW_NN_LOAD */
  load(device: DeviceName, dtype: DType): Network;
  /** Bytes of the weights in an element type. */
  bytes(dtype: DType): number;
}

/** BERT from a folder with config.json and weights. @throws HYFW_TEXT_ENCODER_CONFIG, HYFW_WEIGHTS_* */
export function openBert(folder: string): StoredNetwork<Bert, BertConfig> {
  const config = readModelConfig(join(folder, "config.json"), BertConfig, encoderConfig);
  return stored(folder, config, bertNames, (place) => new Bert(place, config));
}

/** mT5's encoder from a folder with config.json and weights. @throws HYFW_TEXT_ENCODER_CONFIG, HYFW_WEIGHTS_* */
export function openMt5(folder: string): StoredNetwork<Mt5Encoder, Mt5Config> {
  const config = readModelConfig(join(folder, "config.json"), Mt5Config, encoderConfig);
  return stored(folder, config, mt5Names, (place) => new Mt5Encoder(place, config), WIDE_IN_HALF);
}

function stored<Network extends Module, Config>(
  folder: string,
  config: Config,
  rename: (file: WeightFile) => WeightFile,
  build: (place: Place) => Network,
  wideInHalf?: RegExp,
): StoredNetwork<Network, Config> {
  const file = rename(openWeights(folder));
  const drawing = build({ path: "", device: "meta", seed: 0 });
  const typesOf = (dtype: DType) => ({ dtype, wide: dtype === "float16" ? wideInHalf : undefined });
  return {
    folder,
    config,
    drawing,
    load: (device, dtype) => loadFrozen(build, file, { device, ...typesOf(dtype) }),
    bytes: (dtype) => frozenBytes(drawing, typesOf(dtype)),
  };
}

/** BERT's tensors under BertModel's names: heads for other tasks and fixed position numbers are left in the file. */
export function bertNames(file: WeightFile): WeightFile {
  const left = /^(pooler|cls|classifier)\.|^embeddings\.position_ids$/;
  return kept(file, (name) => {
    const bare = name.replace(/^bert\./, "");
    return left.test(bare) ? undefined : bare.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias");
  });
}

/** mT5's encoder tensors, the table once: decoder and output layer of the whole model are left in the file. */
export function mt5Names(file: WeightFile): WeightFile {
  const table = file.has("shared.weight") ? "shared.weight" : "encoder.embed_tokens.weight";
  return kept(file, (name) => {
    if (name === table) return "shared.weight";
    return name.startsWith("encoder.") && name !== "encoder.embed_tokens.weight" ? name : undefined;
  });
}

/** @param rename gives the name under which a tensor is wanted, `undefined` for none */
function kept(file: WeightFile, rename: (name: string) => string | undefined): WeightFile {
  return renamedWeights(
    file,
    new Map(
      file.names().flatMap((name) => {
        const wanted = rename(name);
        return wanted === undefined ? [] : [[wanted, name] as const];
      }),
    ),
  );
}
