import { existsSync } from "node:fs";
import { join } from "node:path";
import { openWeights, readModelConfig, renamedWeights, type WeightFile } from "@hyfw/core/weights";
import type { DeviceName, DType } from "@hyfw/native";
import { frozenBytes, loadFrozen, type NamedArrays, type Place } from "@hyfw/nn";
import { vaeAbsent, vaeConfig } from "./errors.js";
import { VaeConfig } from "./network/config.js";
import { Vae } from "./network/vae.js";

/** Where releases have the VAE below their root. */
const PLACES = ["t2i/sdxl-vae-fp16-fix", "sdxl-vae-fp16-fix", "vae"];
const CONFIG = "config.json";

/** Names that files of older diffusers have in the middle attention. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  query: "to_q",
  key: "to_k",
  value: "to_v",
  proj_attn: "to_out.0",
};
const OLD = /(\.mid_block\.attentions\.0)\.(query|key|value|proj_attn)\./;
const ATTENTION = /\.mid_block\.attentions\.0\.to_(q|k|v|out\.0)\.weight$/;

/** A VAE on disk: its settings are read, its weights are not. */
export interface StoredVae {
  readonly folder: string;
  readonly config: VaeConfig;
  /** Reads the weights. The caller disposes of the network. @throws HYFW_NN_LOAD */
  load(device: DeviceName, dtype: DType): Vae;
  /** Bytes of the weights in an element type. */
  bytes(dtype: DType): number;
}

/** The VAE's folder: the one that is set, or the one below `modelRoot`. @throws HYFW_VAE_ABSENT */
export function findVaeFolder(folder: string | null, modelRoot: string): string {
  if (folder !== null) {
    if (!existsSync(join(folder, CONFIG))) throw vaeAbsent("plugins.latents-vae.folder", folder, [CONFIG]);
    return folder;
  }
  const found = PLACES.map((place) => join(modelRoot, place)).find((one) => existsSync(join(one, CONFIG)));
  if (found === undefined)
    throw vaeAbsent(
      "run.modelRoot",
      modelRoot,
      PLACES.map((place) => `${place}/${CONFIG}`),
    );
  return found;
}

/** A VAE from a folder with config.json and weights. @throws HYFW_VAE_CONFIG, HYFW_WEIGHTS_* */
export function openVae(folder: string): StoredVae {
  return storedVae(folder, readConfig(join(folder, CONFIG)), openWeights(folder));
}

/** A VAE whose settings are known, with weights under names of any age. */
export function storedVae(folder: string, config: VaeConfig, weights: WeightFile): StoredVae {
  const file = currentNames(weights);
  const build = (place: Place): Vae => new Vae(place, config);
  return {
    folder,
    config,
    load: (device, dtype) => loadFrozen(build, file, { device, dtype }),
    bytes: (dtype) => {
      const drawing = build({ path: "", device: "meta", seed: 0 });
      const bytes = frozenBytes(drawing, { dtype });
      drawing.dispose();
      return bytes;
    },
  };
}

/** The tensors under today's names; attention weights that were 1x1 convolutions as the matrices they are. */
function currentNames(file: WeightFile): NamedArrays {
  const now = (name: string): string =>
    name.replace(OLD, (_, place: string, old: string) => `${place}.${OLD_NAMES[old]}.`);
  const renamed = renamedWeights(file, new Map(file.names().map((name) => [now(name), name])));
  const isKernel = (name: string): boolean => {
    const { shape } = renamed.entry(name);
    return ATTENTION.test(name) && shape.length === 4 && shape[2] === 1 && shape[3] === 1;
  };
  return {
    names: () => renamed.names(),
    entry: (name) => {
      const { shape } = renamed.entry(name);
      return { shape: isKernel(name) ? shape.slice(0, 2) : shape };
    },
    get: (name) => {
      const array = renamed.get(name);
      return isKernel(name) ? array.reshape(array.shape.slice(0, 2)) : array;
    },
  };
}

function readConfig(path: string): VaeConfig {
  return readModelConfig(path, VaeConfig, vaeConfig);
}
