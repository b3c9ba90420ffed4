import { relative, resolve } from "node:path";
import { z } from "zod";
import { promptsNone } from "../errors.js";
import { loadSettings } from "../preset/load-settings.js";
import { displayPath } from "../preset/origin.js";
import { checkSettings } from "../preset/resolve.js";
import { SampleSettings } from "../settings/schema.js";
import { type Command, defineCommand } from "./command.js";
import { RESULTS_DIR, settingsOf } from "./run-settings.js";
import type { Installation } from "./settings-arguments.js";

const { solver, steps, cfgScale, seed } = SampleSettings.shape;

/** A sample setting as a flag of this command: left out, the run's own value holds, not the setting's default. */
function asFlag<Value extends z.ZodType>(setting: z.ZodDefault<Value>, flag: string) {
  const text = (setting.description ?? "").replace(/ of sample pictures/, "").replace(/\.$/, "");
  return setting.unwrap().optional().describe(`${text}; as the run draws when left out.`).meta({ flag });
}

const Options = z.strictObject({
  run: z
    .string()
    .default("latest")
    .describe("Run to draw with: its folder, one of its checkpoints, its name, or latest.")
    .meta({ flag: "--run" }),
  resultsDir: z
    .string()
    .default(RESULTS_DIR)
    .describe("Folder that holds run folders.")
    .meta({ flag: "--results-dir" }),
  prompt: z
    .array(z.string())
    .default([])
    .describe("What to draw; several prompts give several pictures. The run's sample prompts when left out.")
    .meta({ flag: "--prompt" }),
  negative: z.string().default("").describe("What to draw away from.").meta({ flag: "--negative" }),
  out: z
    .string()
    .optional()
    .describe("Folder for the PNG files; drawn-step-N in the run's samples when left out.")
    .meta({ flag: "--out" }),
  weights: z
    .enum(["ema", "live"])
    .default("ema")
    .describe("The moving average of the weights, where the run keeps one, or the weights themselves.")
    .meta({ flag: "--weights" }),
  imageSize: z
    .array(z.number().int().min(8))
    .min(1)
    .max(2)
    .optional()
    .describe("Height and width in pixels, or one number for both; as the run draws when left out.")
    .meta({ flag: "--image-size" }),
  solver: asFlag(solver, "--solver"),
  steps: asFlag(steps, "--infer-steps"),
  cfgScale: asFlag(cfgScale, "--cfg-scale"),
  seed: asFlag(seed, "--seed"),
  device: z
    .enum(["auto", "cpu", "cuda"])
    .default("auto")
    .describe("Where to draw; auto takes CUDA when there is a GPU, else the CPU.")
    .meta({ flag: "--device" }),
});

/** `hyfw sample`: draws pictures with a checkpoint of a run, by the code that draws them during training. */
export function sampleCommand({ presetFolders }: Pick<Installation, "presetFolders">): Command {
  return defineCommand({
    name: "sample",
    summary: "Draws pictures with a checkpoint of a run.",
    usage: "hyfw sample [--run RUN] --prompt TEXT [--prompt TEXT]... [--seed N] [--out DIR]",
    options: Options,
    run: async ({ options }, io) => {
      const { cwd } = io;
      const places = { cwd, resultsDir: resolve(cwd, options.resultsDir) };
      const file = await settingsOf(options.run, places);
      const sets = [`run.device=${options.device}`];
      const loaded = await loadSettings({ cwd, presets: [file], presetFolders, config: false, sets });
      const resolved = checkSettings(loaded, []);
      const { samples } = resolved.settings;
      const prompts = options.prompt.length > 0 ? options.prompt : samples.prompts;
      if (prompts.length === 0) throw promptsNone(displayPath(file, cwd));
      const [height, width = height] = options.imageSize ?? [];
      const { drawWithRun } = await import("../run/draw-with-run.js");
      const { files, notes } = await drawWithRun(
        resolved,
        {
          run: options.run,
          places,
          weights: options.weights,
          ...(options.out !== undefined && { out: resolve(cwd, options.out) }),
          request: {
            prompts,
            negative: options.negative,
            solver: options.solver ?? samples.solver,
            steps: options.steps ?? samples.steps,
            cfgScale: options.cfgScale ?? samples.cfgScale,
            seed: options.seed ?? samples.seed,
            ...(height !== undefined && width !== undefined && { resolution: { height, width } }),
          },
        },
        io,
      );
      for (const note of notes) io.stdout.write(`${note}\n`);
      for (const [n, path] of files.entries())
        io.stdout.write(`${relative(cwd, path) || path}  ${prompts[n]}\n`);
    },
  });
}
