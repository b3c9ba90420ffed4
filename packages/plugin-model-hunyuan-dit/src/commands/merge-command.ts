import { resolve } from "node:path";
import { defineCommand, type WeightFile, z } from "@hyfw/core";
import { streamSafetensors, type Tensor, tidy } from "@hyfw/native";
import { loraUnknown } from "../errors.js";
import { asOfficial } from "../layouts/layout.js";
import { isLora, type LoraModule, readLora } from "../layouts/lora-file.js";
import { recognise } from "../layouts/recognise.js";
import { checkFit } from "./convert-command.js";
import { findWeights } from "./find-weights.js";

const Options = z.strictObject({
  strength: z.number().default(1).describe("Factor on what the adapter adds.").meta({ flag: "--strength" }),
  state: z
    .string()
    .default("auto")
    .describe("Which state of a base file that holds several: module, ema, or auto for the first there is.")
    .meta({ flag: "--state" }),
});

/** Adds an adapter to the model that it was trained beside. */
export const mergeCommand = defineCommand({
  name: "merge",
  summary: "Adds a LoRA to a model and writes the model, under official names.",
  usage: "hyfw merge BASE ADAPTER OUT.safetensors [--strength 0.8]",
  options: Options,
  positionals: [
    { name: "BASE", description: "The model: file, folder, checkpoint or run.", isRequired: true },
    {
      name: "ADAPTER",
      description: "The adapter, in peft, kohya, ComfyUI or diffusers names.",
      isRequired: true,
    },
    { name: "OUT", description: "File to write.", isRequired: true },
  ],
  run: ({ options, positionals: [from = "", what = "", to = ""] }, io) => {
    const base = asOfficial(findWeights(from, io.cwd, options.state));
    checkFit(base, recognise(base), false);
    const file = findWeights(what, io.cwd, "auto");
    if (!isLora(file.names())) throw loraUnknown(file.path, "it holds no adapter");
    const { modules } = readLora(file);
    const merged = mergedWeights(base, modules, options.strength, file.path);
    const target = resolve(io.cwd, to);
    const sources = merged
      .names()
      .map((name) => ({ name, ...merged.entry(name), get: () => merged.get(name) }));
    streamSafetensors(target, sources, { format: "pt", merged: String(options.strength) });
    io.stdout.write(
      `${base.path}\n  + ${options.strength} x ${file.path}, ${modules.size} layers\n  -> ${target}\n`,
    );
  },
});

/**
 * Weights with an adapter's products added: W + strength · alpha / rank · B · A, in float32, each in its own type again.
 * @throws HYFW_DIT_LORA when a layer is not in the model or of another shape
 */
export function mergedWeights(
  base: WeightFile,
  modules: ReadonlyMap<string, LoraModule>,
  strength: number,
  adapterPath: string,
): WeightFile {
  for (const [module, { down, up }] of modules) {
    const shape = base.has(`${module}.weight`) ? base.entry(`${module}.weight`).shape : undefined;
    if (shape === undefined || shape[0] !== up.shape[0] || shape[1] !== down.shape[1])
      throw loraUnknown(
        adapterPath,
        `${module} is ${shape === undefined ? "not in the model" : `[${shape.join(", ")}] in the model`}, the adapter is for [${up.shape[0]}, ${down.shape[1]}]`,
      );
  }
  return {
    ...base,
    get: (name): Tensor => {
      const module = modules.get(name.replace(/\.weight$/, ""));
      if (module === undefined || !name.endsWith(".weight")) return base.get(name);
      return tidy(() => {
        const { down, up, alpha } = module;
        const product = up.get().float().matmul(down.get().float());
        const scale = (strength * alpha) / (down.shape[0] ?? 1);
        const weight = base.get(name);
        return weight.float().add(product.mul(scale)).to({ dtype: weight.dtype });
      });
    },
  };
}
