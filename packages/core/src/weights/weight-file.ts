import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type DType,
  isTorchFile,
  type MappedSafetensors,
  openSafetensors,
  openTorchFile,
  type Tensor,
} from "@hyfw/native";
import { z } from "zod";
import { weightsLayout, weightsNotFound, weightsUnclear } from "../errors/weights.js";

/** One tensor of a weights file, before it is read. */
export interface WeightEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Named tensors on disk, whatever the layout. Tensors are mapped when asked for: no memory until touched. */
export interface WeightFile {
  readonly path: string;
  /** The layout, for a person. */
  readonly layout: string;
  /** What the file says of itself. */
  readonly metadata: Readonly<Record<string, string>>;
  names(): readonly string[];
  has(name: string): boolean;
  entry(name: string): WeightEntry;
  /** The tensor, in the current scope. Never written back to the file. */
  get(name: string): Tensor;
}

/** Files looked for in a folder, the likeliest first. */
const USUAL = [
  "model.safetensors",
  "model.safetensors.index.json",
  "diffusion_pytorch_model.safetensors",
  "diffusion_pytorch_model.safetensors.index.json",
  "adapter_model.safetensors",
  "pytorch_model_module.pt",
  "pytorch_model_ema.pt",
  "mp_rank_00_model_states.pt",
  "pytorch_model.bin",
];
const INDEX = /\.safetensors\.index\.json$/;
const SINGLE = /\.(safetensors|pt|pth|bin|ckpt)$/;
/** Longer texts are lists of values, not facts about the file. */
const MAX_FACTS = 64;

/**
 * Opens weights: one safetensors file, a sharded one by its index, a file of `torch.save`, or a folder that holds one
 * of these. What a file is is told by its bytes, not by its ending.
 * @throws HYFW_WEIGHTS_NOT_FOUND, HYFW_WEIGHTS_UNCLEAR, HYFW_WEIGHTS_LAYOUT, and what the layouts throw on broken and
 * unsafe files: HYFW_SAFETENSORS, HYFW_TORCH_FILE, HYFW_TORCH_FILE_UNSAFE
 */
export function openWeights(path: string): WeightFile {
  const file = fileAt(path);
  if (INDEX.test(file)) return openSharded(file);
  if (isTorchFile(file)) {
    const opened = openTorchFile(file);
    const facts = [...opened.facts].filter(([name]) => name.split(".").length <= 2).slice(0, MAX_FACTS);
    return {
      path: file,
      layout: "torch.save",
      metadata: Object.fromEntries(facts.map(([name, value]) => [name, String(value)])),
      names: () => opened.names(),
      has: (name) => opened.has(name),
      entry: (name) => opened.entry(name),
      get: (name) => opened.get(name),
    };
  }
  return asWeights(openSafetensors(file));
}

function asWeights(file: MappedSafetensors): WeightFile {
  return {
    path: file.path,
    layout: "safetensors",
    metadata: file.metadata,
    names: () => file.names(),
    has: (name) => file.has(name),
    entry: (name) => file.entry(name),
    get: (name) => file.get(name),
  };
}

function fileAt(path: string): string {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (cause) {
    throw weightsNotFound(path, cause);
  }
  if (!isFolder) return path;
  const usual = USUAL.find((name) => existsSync(join(path, name)));
  if (usual !== undefined) return join(path, usual);
  const found = readdirSync(path).filter((name) => INDEX.test(name) || SINGLE.test(name));
  const [only] = found;
  if (only === undefined) throw weightsNotFound(path, undefined);
  if (found.length > 1) throw weightsUnclear(path, found);
  return join(path, only);
}

const ShardIndex = z.object({
  metadata: z.record(z.string(), z.unknown()).default({}),
  weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+$/, "must be a file beside the index")),
});

function openSharded(path: string): WeightFile {
  let index: z.output<typeof ShardIndex>;
  try {
    index = ShardIndex.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? (cause.issues[0]?.message ?? "") : String(cause);
    throw weightsLayout(path, `is no index of sharded weights: ${why}`);
  }
  const shards = new Map<string, MappedSafetensors>();
  const places = new Map<string, MappedSafetensors>();
  for (const [name, shardName] of Object.entries(index.weight_map)) {
    const file = join(dirname(path), shardName);
    const shard = shards.get(shardName) ?? openShard(path, file, shardName);
    shards.set(shardName, shard);
    if (!shard.has(name))
      throw weightsLayout(path, `says that ${name} is in ${shardName}, which has no such tensor`);
    places.set(name, shard);
  }
  const placed = (name: string): MappedSafetensors => {
    const shard = places.get(name);
    if (shard === undefined) throw weightsLayout(path, `has no tensor ${name}`);
    return shard;
  };
  return {
    path,
    layout: `safetensors in ${shards.size} parts`,
    metadata: Object.fromEntries(Object.entries(index.metadata).map(([key, value]) => [key, String(value)])),
    names: () => [...places.keys()],
    has: (name) => places.has(name),
    entry: (name) => placed(name).entry(name),
    get: (name) => placed(name).get(name),
  };
}

function openShard(index: string, file: string, name: string): MappedSafetensors {
  if (!existsSync(file)) throw weightsLayout(index, `names the part ${name}, which is not there`);
  return openSafetensors(file);
}

/** The same tensors under other names. @param names from new to old; what is left out is not there */
export function renamedWeights(file: WeightFile, names: ReadonlyMap<string, string>): WeightFile {
  const old = (name: string): string => names.get(name) ?? name;
  return {
    ...file,
    names: () => [...names.keys()],
    has: (name) => names.has(name),
    entry: (name) => file.entry(old(name)),
    get: (name) => file.get(old(name)),
  };
}
