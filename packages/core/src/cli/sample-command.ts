import { relative, resolve } from "node:path";
import { z } from "zod";
import { promptsNone } from "../errors/command-line.js";
import { loraNeedsWeights, samplesTwoSources } from "../errors/samples.js";
import { loadSettings } from "../preset/load-settings.js";
import { displayPath } from "../preset/origin.js";
import { checkSettings, type ResolvedSettings } from "../preset/resolve.js";
import type { Drawn, DrawWish } from "../run/draw-with-run.js";
import { squareColumns } from "../run/picture-grid.js";
import { SampleSettings } from "../settings/schema.js";
import type { AdapterSource } from "../weights/load-start.js";
import { type Command, type CommandIo, defineCommand } from "./command.js";
import { RESULTS_DIR, settingsOf } from "./run-settings.js";
import { type Installation, SourceOptions } from "./settings-arguments.js";

const { solver, steps, cfgScale, guidanceRescale, negative, batchSize, seed } = SampleSettings.shape;

/** A sample setting as a flag of this command: left out, the settings' own value holds, not the setting's default. */
function asFlag<Value extends z.ZodType>(setting: z.ZodDefault<Value>, flag: string) {
  const text = (setting.description ?? "")
    .replace(/ of sample pictures/, "")
    .replace(/[Ss]ample pictures/, "Pictures")
    .replace(/\.$/, "");
  return setting.unwrap().optional().describe(`${text}; as the settings say when left out.`).meta({ flag });
}

const Options = z.strictObject({
  run: z
    .string()
    .optional()
    .describe(
      "Run to draw with: its folder, one of its checkpoints, its name, or latest, which is the default.",
    )
    .meta({ flag: "--run" }),
  resultsDir: z
    .string()
    .default(RESULTS_DIR)
    .describe("Folder that holds run folders.")
    .meta({ flag: "--results-dir" }),
  weights: z
    .string()
    .optional()
    .describe(
      "File of weights to draw with instead of a run, in any layout that hyfw reads; the model comes from --preset.",
    )
    .meta({ flag: "--weights" }),
  state: z
    .string()
    .default("auto")
    .describe(
      "Which weights: ema, module for those that are trained, or auto. Of a run auto is the average where it keeps one, of a file the first state that it holds.",
    )
    .meta({ flag: "--state" }),
  lora: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Adapter to add to --weights, in any layout that hyfw reads; adapter.safetensors:0.7 adds that share of it. May be given several times.",
    )
    .meta({ flag: "--lora" }),
  ...SourceOptions.shape,
  modelRoot: z
    .string()
    .optional()
    .describe("Folder with published text encoders and VAE; as the settings say when left out.")
    .meta({ flag: "--model-root" }),
  prompt: z
    .array(z.string())
    .default([])
    .describe("What to draw; several prompts give several pictures. The settings' prompts when left out.")
    .meta({ flag: "--prompt" }),
  negative: asFlag(negative, "--negative"),
  count: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe("Pictures of each prompt, each from its own noise.")
    .meta({ flag: "--count" }),
  out: z
    .string()
    .optional()
    .describe("Folder for the PNG files; drawn-step-N in the run's samples, or drawn, when left out.")
    .meta({ flag: "--out" }),
  imageSize: z
    .array(z.number().int().min(8))
    .min(1)
    .max(2)
    .optional()
    .describe("Height and width in pixels, or one number for both; as the settings say when left out.")
    .meta({ flag: "--image-size" }),
  solver: asFlag(solver, "--solver"),
  steps: asFlag(steps, "--infer-steps"),
  cfgScale: asFlag(cfgScale, "--cfg-scale"),
  guidanceRescale: asFlag(guidanceRescale, "--guidance-rescale"),
  seed: asFlag(seed, "--seed"),
  batchSize: asFlag(batchSize, "--batch-size"),
  grid: z
    .boolean()
    .default(false)
    .describe(
      "Writes all pictures as one beside them, grid.png: a row for each prompt where --count is more than 1.",
    )
    .meta({ flag: "--grid" }),
  recipes: z
    .boolean()
    .default(false)
    .describe(
      "Writes what draws with the same settings elsewhere beside the pictures: a program for diffusers, a graph for ComfyUI.",
    )
    .meta({ flag: "--recipes" }),
  device: z
    .enum(["auto", "cpu", "cuda"])
    .default("auto")
    .describe("Where to draw; auto takes CUDA when there is a GPU, else the CPU.")
    .meta({ flag: "--device" }),
});
type Options = z.output<typeof Options>;

/** `hyfw sample`: draws pictures by the code that draws them during training. */
export function sampleCommand({ presetFolders }: Pick<Installation, "presetFolders">): Command {
  return defineCommand({
    name: "sample",
    summary: "Draws pictures with a checkpoint of a run, or with a file of weights.",
    usage:
      "hyfw sample [--run RUN | --weights FILE [--lora FILE:0.8] --preset NAME] --prompt TEXT [--prompt TEXT]... [--seed N] [--out DIR]",
    options: Options,
    run: async ({ options }, io) => {
      if (options.weights !== undefined && options.run !== undefined) throw samplesTwoSources("--run");
      if (options.weights === undefined && options.lora.length > 0) throw loraNeedsWeights();
      const draw = options.weights === undefined ? drawRun : drawWeights;
      const { prompts, files, notes } = await draw(options, presetFolders, io);
      for (const note of notes) io.stdout.write(`${note}\n`);
      for (const [n, path] of files.entries())
        io.stdout.write(`${relative(io.cwd, path) || path}  ${prompts[n] ?? ""}`.trimEnd().concat("\n"));
    },
  });
}

type Printed = Drawn & { readonly prompts: readonly string[] };

async function drawRun(options: Options, presetFolders: readonly string[], io: CommandIo): Promise<Printed> {
  const { cwd } = io;
  if (options.preset.length > 0 || options.config !== undefined)
    throw samplesTwoSources("--preset or --config without --weights, since a run has settings of its own,");
  const run = options.run ?? "latest";
  const places = { cwd, resultsDir: resolve(cwd, options.resultsDir) };
  const file = await settingsOf(run, places);
  const sets = setsOf(options);
  const resolved = checkSettings(
    await loadSettings({ cwd, presets: [file], presetFolders, config: false, sets }),
    [],
  );
  const wish = wishOf(options, resolved, displayPath(file, cwd));
  const { drawWithRun } = await import("../run/draw-with-run.js");
  const drawn = await drawWithRun(
    resolved,
    {
      ...wish,
      run,
      places,
      weights: options.state === "module" ? "live" : "ema",
      ...(options.out !== undefined && { out: resolve(cwd, options.out) }),
    },
    io,
  );
  return { ...drawn, prompts: wish.request.prompts };
}

async function drawWeights(
  options: Options,
  presetFolders: readonly string[],
  io: CommandIo,
): Promise<Printed> {
  const { cwd } = io;
  const { preset: presets, config, weights = "" } = options;
  const sets = setsOf(options);
  const resolved = checkSettings(
    await loadSettings({ cwd, presets, presetFolders, sets, ...(config !== undefined && { config }) }),
    [],
  );
  const wish = wishOf(options, resolved, "the settings");
  const { drawWithWeights } = await import("../run/draw-with-weights.js");
  const out = resolve(cwd, options.out ?? "drawn");
  const adapters = options.lora.map((text) => adapterOf(text, cwd));
  const order = { ...wish, weights: resolve(cwd, weights), adapters, state: options.state, out };
  return { ...(await drawWithWeights(resolved, order, io)), prompts: wish.request.prompts };
}

/** `file` or `file:strength`. */
function adapterOf(text: string, cwd: string): AdapterSource {
  const [, path = text, strength = "1"] = /^(.+):(-?\d+(?:\.\d+)?)$/.exec(text) ?? [];
  return { path: resolve(cwd, path), strength: Number(strength) };
}

/** Flags of this command that stand for settings, and those given as such. */
function setsOf({ set, device, modelRoot }: Options): string[] {
  return [...set, `run.device=${device}`, ...(modelRoot === undefined ? [] : [`run.modelRoot=${modelRoot}`])];
}

/** What to draw: the flags over the settings. @param from where the settings come from, for a person */
function wishOf(options: Options, { settings }: ResolvedSettings, from: string): DrawWish {
  const { samples } = settings;
  const asked = options.prompt.length > 0 ? options.prompt : samples.prompts;
  if (asked.length === 0) throw promptsNone(from);
  const prompts = asked.flatMap((prompt) => Array.from({ length: options.count }, () => prompt));
  const [height, width = height] = options.imageSize ?? [];
  return {
    batchSize: options.batchSize ?? samples.batchSize,
    recipes: options.recipes,
    ...(options.grid && {
      gridColumns: options.count > 1 ? options.count : squareColumns(prompts.length),
    }),
    request: {
      prompts,
      negative: options.negative ?? samples.negative,
      solver: options.solver ?? samples.solver,
      steps: options.steps ?? samples.steps,
      cfgScale: options.cfgScale ?? samples.cfgScale,
      guidanceRescale: options.guidanceRescale ?? samples.guidanceRescale,
      seed: options.seed ?? samples.seed,
      ...(height !== undefined && width !== undefined && { resolution: { height, width } }),
    },
  };
}
