import { resolve } from "node:path";
import { defineCommand, z } from "@hyfw/core";
import { streamSafetensors } from "@hyfw/native";
import { asOfficial } from "../layouts/layout.js";
import { readLora } from "../layouts/lora-file.js";
import { recognise } from "../layouts/recognise.js";
import { withLora } from "../layouts/with-lora.js";
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
    const merged = withLora(base, file, options.strength);
    const target = resolve(io.cwd, to);
    const sources = merged
      .names()
      .map((name) => ({ name, ...merged.entry(name), get: () => merged.get(name) }));
    streamSafetensors(target, sources, { format: "pt", merged: String(options.strength) });
    io.stdout.write(
      `${base.path}\n  + ${options.strength} x ${file.path}, ${readLora(file).modules.size} layers\n  -> ${target}\n`,
    );
  },
});
