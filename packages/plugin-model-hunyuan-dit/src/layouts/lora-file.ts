import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type WeightEntry, type WeightFile, z } from "@hyfw/core";
import { cat, type Tensor, tidy } from "@hyfw/native";
import { loraUnknown } from "../errors.js";
import { diffusersModules, officialModule, officialModules } from "./diffusers-names.js";
import { taken } from "./layout.js";

/** Whose names an adapter file has. */
export type LoraLayout = "peft" | "kohya" | "comfyui" | "diffusers";

/** One array of an adapter, before it is read. */
export interface LazyTensor extends WeightEntry {
  get(): Tensor;
}

/** What is added to one linear layer: (alpha / rank) · up · down. */
export interface LoraModule {
  /** [rank, in] */
  readonly down: LazyTensor;
  /** [out, rank] */
  readonly up: LazyTensor;
  readonly alpha: number;
}

/** An adapter under official module names, in the order of the file. */
export interface LoraFile {
  readonly path: string;
  readonly layout: LoraLayout;
  readonly modules: ReadonlyMap<string, LoraModule>;
}

const PEFT =
  /^(base_model\.model\.|diffusion_model\.|transformer\.)(.+)\.lora_(A|B|down|up)(?:\.default)?\.weight$/;
const KOHYA = /^lora_unet_(.+)\.(lora_down\.weight|lora_up\.weight|alpha)$/;
const LAYOUTS: Readonly<Record<string, LoraLayout>> = {
  "base_model.model.": "peft",
  "diffusion_model.": "comfyui",
  "transformer.": "diffusers",
};
const PREFIXES: Readonly<Record<Exclude<LoraLayout, "kohya">, string>> = {
  peft: "base_model.model.",
  comfyui: "diffusion_model.",
  diffusers: "transformer.",
};

/** Whether the names of a file are those of an adapter. */
export function isLora(names: readonly string[]): boolean {
  return names.length > 0 && names.every((name) => PEFT.test(name) || KOHYA.test(name));
}

/**
 * Reads an adapter of any layout. Adapters on diffusers' split projections are joined where they share their down
 * array, else stacked block-wise, which adds the same and has a higher rank.
 * @throws HYFW_DIT_LORA naming tensors that belong to no layer, or whose partner is missing
 */
export function readLora(file: WeightFile): LoraFile {
  const found = new Map<string, Partial<Record<"down" | "up", LazyTensor>> & { alpha?: number }>();
  const at = (module: string) => {
    const entry = found.get(module) ?? {};
    found.set(module, entry);
    return entry;
  };
  let layout: LoraLayout = "kohya";
  for (const name of file.names()) {
    const lazy: LazyTensor = { ...file.entry(name), get: () => file.get(name) };
    const [, prefix = "", module = "", side] = PEFT.exec(name) ?? [];
    if (side !== undefined) {
      layout = LAYOUTS[prefix] ?? "peft";
      at(module)[side === "A" || side === "down" ? "down" : "up"] = lazy;
      continue;
    }
    const [, flat, kind] = KOHYA.exec(name) ?? [];
    const official = flat === undefined ? undefined : moduleOfFlat(flat);
    if (official === undefined) throw loraUnknown(file.path, `${name} belongs to no layer of HunyuanDiT`);
    if (kind === "alpha") at(official).alpha = tidy(() => lazy.get().item());
    else at(official)[kind === "lora_down.weight" ? "down" : "up"] = lazy;
  }
  const settings = peftSettings(file.path);
  const modules = new Map<string, LoraModule>();
  for (const [module, { down, up, alpha }] of found) {
    if (down === undefined || up === undefined)
      throw loraUnknown(file.path, `${module} has only one of its two arrays`);
    const rank = down.shape[0] ?? 0;
    if (down.shape.length !== 2 || up.shape.length !== 2 || up.shape[1] !== rank)
      throw loraUnknown(file.path, `the arrays of ${module} are [${down.shape}] and [${up.shape}]`);
    modules.set(module, { down, up, alpha: alpha ?? settings(module, rank) });
  }
  if (layout === "diffusers") return { path: file.path, layout, modules: joinSplit(file.path, modules) };
  for (const module of modules.keys())
    if (diffusersModules(module).length === 0)
      throw loraUnknown(file.path, `${module} is no layer of HunyuanDiT`);
  return { path: file.path, layout, modules };
}

/** The tensors of an adapter in a layout, by name. */
export function loraTensors(
  modules: ReadonlyMap<string, LoraModule>,
  layout: LoraLayout,
): (LazyTensor & { readonly name: string })[] {
  const tensors: (LazyTensor & { readonly name: string })[] = [];
  for (const [module, { down, up, alpha }] of modules) {
    if (layout === "kohya") {
      const flat = `lora_unet_${module.replaceAll(".", "_")}`;
      tensors.push({ name: `${flat}.lora_down.weight`, ...down }, { name: `${flat}.lora_up.weight`, ...up });
      tensors.push({ name: `${flat}.alpha`, dtype: down.dtype, shape: [], get: () => scalar(alpha, down) });
      continue;
    }
    const prefix = PREFIXES[layout];
    if (layout !== "diffusers") {
      tensors.push({ name: `${prefix}${module}.lora_A.weight`, ...down });
      tensors.push({ name: `${prefix}${module}.lora_B.weight`, ...up });
      continue;
    }
    for (const { name, rows } of diffusersModules(module)) {
      const [out = 0, rank = 0] = up.shape;
      tensors.push({ name: `${prefix}${name}.lora_A.weight`, ...down });
      tensors.push({
        name: `${prefix}${name}.lora_B.weight`,
        dtype: up.dtype,
        shape: [rows.kind === "part" ? out / rows.of : out, rank],
        get: () => tidy(() => taken(up.get(), rows)),
      });
    }
  }
  return tensors;
}

function scalar(value: number, like: LazyTensor): Tensor {
  return tidy(() => like.get().sum().detach().mul(0).add(value).to({ dtype: like.dtype }));
}

const flatNames = new Map(officialModules().map((module) => [module.replaceAll(".", "_"), module]));

function moduleOfFlat(flat: string): string | undefined {
  const [, number, inner] = /^blocks_(\d+)_(.+)$/.exec(flat) ?? [];
  if (number === undefined || inner === undefined) return flatNames.get(flat);
  const found = flatNames.get(`blocks_0_${inner}`);
  return found?.replace("blocks.0.", `blocks.${number}.`);
}

const PeftConfig = z.object({
  r: z.number().positive(),
  lora_alpha: z.number(),
  rank_pattern: z.record(z.string(), z.number()).default({}),
  alpha_pattern: z.record(z.string(), z.number()).default({}),
  use_rslora: z.boolean().default(false),
});

/** Alpha by module: from the adapter_config.json beside the file, else the rank itself. */
function peftSettings(path: string): (module: string, rank: number) => number {
  const config = join(dirname(path), "adapter_config.json");
  if (!existsSync(config)) return (_module, rank) => rank;
  const parsed = PeftConfig.safeParse(JSON.parse(readFileSync(config, "utf8")));
  if (!parsed.success) throw loraUnknown(path, `${config} is no configuration of peft's LoRA`);
  const { lora_alpha: alpha, alpha_pattern: patterns, use_rslora: byRoot } = parsed.data;
  return (module, rank) => {
    const own = Object.entries(patterns).find(([name]) => module === name || module.endsWith(`.${name}`));
    // Rank-stabilised adapters divide by the root of the rank.
    return (own?.[1] ?? alpha) * (byRoot ? Math.sqrt(rank) : 1);
  };
}

/** Joins adapters on diffusers' to_q, to_k, to_v into one on the official fused layer. */
function joinSplit(path: string, modules: ReadonlyMap<string, LoraModule>): Map<string, LoraModule> {
  const joined = new Map<string, LoraModule>();
  for (const name of modules.keys()) {
    const official = officialModule(name);
    if (official === undefined) throw loraUnknown(path, `${name} is no layer of HunyuanDiT`);
    if (joined.has(official)) continue;
    const pieces = diffusersModules(official);
    const parts = pieces.map((piece) => modules.get(piece.name));
    if (parts.some((part) => part === undefined))
      throw loraUnknown(path, `it adapts some of ${pieces.map((piece) => piece.name).join(", ")}, not all`);
    const all = parts as LoraModule[];
    const [first] = all;
    const [piece] = pieces;
    if (first === undefined || piece === undefined) continue;
    if (all.length > 1) joined.set(official, joinModules(all));
    else
      joined.set(official, {
        ...first,
        up: { ...first.up, get: () => tidy(() => taken(first.up.get(), piece.rows)) },
      });
  }
  return joined;
}

function joinModules(parts: readonly LoraModule[]): LoraModule {
  const [first, ...others] = parts as [LoraModule, ...LoraModule[]];
  const rows = parts.reduce((sum, { up }) => sum + (up.shape[0] ?? 0), 0);
  const shared = tidy(() => {
    const down = first.down.get();
    return others.every(
      (other) => other.down.shape.join() === first.down.shape.join() && isEqual(other.down.get(), down),
    );
  });
  if (shared && others.every(({ alpha }) => alpha === first.alpha)) {
    const rank = first.up.shape[1] ?? 0;
    const get = (): Tensor =>
      tidy(() =>
        cat(
          parts.map(({ up }) => up.get()),
          0,
        ),
      );
    return { down: first.down, up: { dtype: first.up.dtype, shape: [rows, rank], get }, alpha: first.alpha };
  }
  const ranks = parts.map(({ down }) => down.shape[0] ?? 0);
  const rank = ranks.reduce((sum, one) => sum + one, 0);
  return {
    down: {
      dtype: first.down.dtype,
      shape: [rank, first.down.shape[1] ?? 0],
      get: () =>
        tidy(() =>
          cat(
            parts.map(({ down }) => down.get()),
            0,
          ),
        ),
    },
    // Block-diagonal, each part with its own scale put in; alpha = rank leaves it as it is.
    up: {
      dtype: first.up.dtype,
      shape: [rows, rank],
      get: () =>
        tidy(() => {
          const blocks = parts.map((part, index) => {
            const scale = part.alpha / (ranks[index] ?? 1);
            const up = part.up.get().mul(scale);
            return cat(
              ranks.map((width, place) =>
                place === index
                  ? up
                  : up
                      .narrow(1, 0, 1)
                      .mul(0)
                      .expand([up.shape[0] ?? 0, width]),
              ),
              1,
            );
          });
          return cat(blocks, 0).to({ dtype: first.up.dtype });
        }),
    },
    alpha: rank,
  };
}

function isEqual(a: Tensor, b: Tensor): boolean {
  return a.sub(b).abs().float().sum().item() === 0;
}
