import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { defineCommand, type WeightFile, z } from "@hyfw/core";
import { callOp, streamSafetensors, type Tensor, tidy } from "@hyfw/native";
import { weightsOther } from "../errors.js";
import { asOfficial } from "../layouts/layout.js";
import { type LoraModule, loraTensors } from "../layouts/lora-file.js";
import { adapterConfig } from "./convert-command.js";
import { findWeights } from "./find-weights.js";

const Options = z.strictObject({
  rank: z.number().int().min(1).default(64).describe("Rank of the adapter.").meta({ flag: "--rank" }),
  state: z
    .string()
    .default("auto")
    .describe("Which state of files that hold several: module, ema, or auto for the first there is.")
    .meta({ flag: "--state" }),
  targetModules: z
    .array(z.string().min(1))
    .default(["Wqkv", "q_proj", "kv_proj", "out_proj", "fc1", "fc2"])
    .describe("Ends of the names of layers that get an adapter.")
    .meta({ flag: "--target-modules" }),
});

/** The best adapter of a rank for the difference of two models. */
export const extractCommand = defineCommand({
  name: "extract",
  summary: "Makes a LoRA out of the difference of two models, and says how much of it the rank holds.",
  usage: "hyfw extract TUNED BASE OUT-FOLDER [--rank 64]",
  options: Options,
  positionals: [
    { name: "TUNED", description: "The model that was trained.", isRequired: true },
    { name: "BASE", description: "The model that it was trained from.", isRequired: true },
    { name: "OUT", description: "Folder for the adapter, in peft's form.", isRequired: true },
  ],
  run: ({ options, positionals: [tunedText = "", baseText = "", to = ""] }, io) => {
    const tuned = asOfficial(findWeights(tunedText, io.cwd, options.state));
    const base = asOfficial(findWeights(baseText, io.cwd, options.state));
    const layers = targetLayers(tuned, base, options.targetModules);
    const modules = new Map<string, LoraModule>();
    const parts: Tensor[] = [];
    let whole = 0;
    let held = 0;
    try {
      for (const module of layers) {
        const found = lowRankDifference(tuned, base, `${module}.weight`, options.rank);
        parts.push(found.down, found.up);
        whole += found.whole;
        held += found.held;
        modules.set(module, { down: lazy(found.down), up: lazy(found.up), alpha: found.down.shape[0] ?? 1 });
      }
      const folder = resolve(io.cwd, to);
      mkdirSync(folder, { recursive: true });
      streamSafetensors(join(folder, "adapter_model.safetensors"), loraTensors(modules, "peft"), {
        format: "pt",
      });
      writeFileSync(join(folder, "adapter_config.json"), adapterConfig(modules));
      const share = whole === 0 ? 100 : (held / whole) * 100;
      io.stdout.write(
        `${modules.size} layers, rank ${options.rank}: ${share.toFixed(2)} % of the squared difference in them\n  -> ${folder}\n`,
      );
    } finally {
      for (const part of parts) part.dispose();
    }
  },
});

/** @throws HYFW_DIT_WEIGHTS_OTHER unless both have the same names and shapes */
function targetLayers(tuned: WeightFile, base: WeightFile, targets: readonly string[]): string[] {
  const names = tuned.names();
  const odd = names.find((name) => !base.has(name) || shapeOf(base, name) !== shapeOf(tuned, name));
  if (odd !== undefined || names.length !== base.names().length)
    throw weightsOther(tuned.path, base.path, odd ?? base.names().find((name) => !tuned.has(name)) ?? "");
  return names
    .filter((name) => name.endsWith(".weight") && tuned.entry(name).shape.length === 2)
    .map((name) => name.slice(0, -".weight".length))
    .filter((module) => targets.some((target) => module.endsWith(`.${target}`)));
}

/**
 * The best product of a rank for tuned − base (Eckart and Young 1936): U·√S and √S·Vᵀ of its singular values, with the
 * squared size of the difference and of the product.
 */
function lowRankDifference(
  tuned: WeightFile,
  base: WeightFile,
  name: string,
  rank: number,
): { readonly down: Tensor; readonly up: Tensor; readonly whole: number; readonly held: number } {
  let whole = 0;
  let held = 0;
  let up: Tensor | undefined;
  const down = tidy(() => {
    const difference = tuned.get(name).float().sub(base.get(name).float());
    const [u, s, vt] = callOp("aten::linalg_svd", difference, false) as [Tensor, Tensor, Tensor];
    const kept = Math.min(rank, s.shape[0] ?? 0);
    const root = s.narrow(0, 0, kept).sqrt();
    whole = s.mul(s).sum().item();
    held = s
      .narrow(0, 0, kept)
      .mul(s.narrow(0, 0, kept))
      .sum()
      .item();
    up = u.narrow(1, 0, kept).mul(root).contiguous().keep();
    return vt.narrow(0, 0, kept).mul(root.unsqueeze(1)).contiguous();
  }).keep();
  if (up === undefined) throw new RangeError("the decomposition gave nothing");
  return { down, up, whole, held };
}

function shapeOf(file: WeightFile, name: string): string {
  return file.entry(name).shape.join();
}

function lazy(tensor: Tensor): LoraModule["down"] {
  return { dtype: tensor.dtype, shape: tensor.shape, get: () => tensor.alias() };
}
