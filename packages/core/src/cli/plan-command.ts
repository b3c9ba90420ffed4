import { z } from "zod";
import { gpuUnknown } from "../errors/plan.js";
import { GPUS, type Gpu } from "../plan/gpus.js";
import { throwProblems, toProblems } from "../preset/check.js";
import { mergeLayers, plainValue } from "../preset/merge.js";
import { listOptions } from "../settings/options.js";
import { DELETE } from "../settings/schema.js";
import { suggest } from "../settings/suggest.js";
import { type Command, type CommandIo, throwUsage } from "./command.js";
import { type FlagTable, flagLayers, flagTable, parseArguments } from "./flags.js";
import { formatFlags } from "./help.js";
import { finish, type Installation, loadFrom, readSources, SourceOptions } from "./settings-arguments.js";

const USAGE = "hyfw plan --preset NAME [--gpu a800-80g] [--gpus N] [--price X] [--set key=value]... [flags]";

const USUAL_GPU = "a800-80g";

const whole = z.number().int().positive();

/** Flags of `hyfw plan` beside those that name settings. */
export const PlanOptions = z.strictObject({
  gpu: z
    .string()
    .optional()
    .describe(
      `Card to plan for: ${GPUS.map(({ name }) => name).join(", ")}; what the preset was made for when left out, else ${USUAL_GPU}.`,
    )
    .meta({ flag: "--gpu" }),
  gpus: whole
    .optional()
    .describe("GPUs together; what the preset was made for when left out, else 1.")
    .meta({ flag: "--gpus" }),
  price: z
    .number()
    .positive()
    .optional()
    .describe("Price of one GPU for one hour; the plan then says what an epoch costs.")
    .meta({ flag: "--price" }),
  resolution: z
    .array(z.number().int().min(8))
    .min(1)
    .max(2)
    .optional()
    .describe(
      "Height and width in pixels to plan for, or one number for both; the data's largest bucket when left out, or 1024 where the data cannot be opened.",
    )
    .meta({ flag: "--resolution" }),
  samples: whole
    .optional()
    .describe("Samples of one epoch; the data's when left out.")
    .meta({ flag: "--samples" }),
  utilisation: z
    .number()
    .gt(0)
    .max(1)
    .default(0.45)
    .describe("Share of the card's peak that the model is assumed to reach.")
    .meta({ flag: "--utilisation" }),
  maxBatch: whole.default(16).describe("Largest batch per GPU that is tried.").meta({ flag: "--max-batch" }),
  json: z.boolean().default(false).describe("Prints the plan as JSON.").meta({ flag: "--json" }),
});

/** What a person's words become: nothing missing. */
export type PlanOptions = z.output<typeof PlanOptions>;

/** `hyfw plan`: what a run takes of GPUs, before any is booked. Neither a GPU nor the data has to be there. */
export function planCommand({ presetFolders }: Pick<Installation, "presetFolders">): Command {
  return {
    name: "plan",
    summary: "Says what a run takes of GPUs: memory by kind, time, cost, and the cheapest choice that fits.",
    usage: USAGE,
    help: () => `${formatFlags(listOptions(PlanOptions))}\n${formatFlags(listOptions(SourceOptions))}`,
    run: async (argv, io) => {
      const { options, rest } = readPlanOptions(argv, io);
      const sources = readSources(rest);
      // A plan is often made where not everything is installed; what is missing is left out and named.
      const { absent } = await loadFrom(sources, io, { presetFolders });
      const without = absent.map(({ name }) => `plugins.${name}=${DELETE}`);
      const resolve = async (sets: readonly string[]) => {
        const given = { ...sources, sets: [...sources.sets, ...without, ...sets] };
        return finish(await loadFrom(given, io, { presetFolders }), sources.rest, USAGE, ownFlags());
      };
      // Settings are checked before the room is loaded that needs the addon.
      const resolved = await resolve([]);
      const gpu = gpuNamed(options.gpu ?? resolved.settings.requires.gpu ?? USUAL_GPU);
      const { planRun } = await import("../plan/plan-command-run.js");
      await planRun({ resolved, resolve, absent, options, gpu }, io);
    },
  };
}

/** @throws HYFW_PLAN_USAGE_GPU */
function gpuNamed(wanted: string): Gpu {
  const names = GPUS.map(({ name }) => name);
  const found = GPUS.find(({ name }) => name === wanted);
  if (found === undefined) throw gpuUnknown(wanted, suggest(wanted, names), names);
  return found;
}

function ownFlags(): FlagTable {
  return flagTable(listOptions(PlanOptions));
}

function readPlanOptions(
  argv: readonly string[],
  { cwd }: Pick<CommandIo, "cwd">,
): { readonly options: PlanOptions; readonly rest: readonly string[] } {
  const { given, rest, problems } = parseArguments(argv, ownFlags());
  throwUsage(problems);
  const merged = mergeLayers(flagLayers(given, cwd));
  const value = merged === undefined ? {} : plainValue(merged);
  const parsed = PlanOptions.safeParse(value);
  if (parsed.success) return { options: parsed.data, rest };
  throwProblems(
    toProblems(parsed.error, value, { schema: PlanOptions, prefix: [], merged, owner: "hyfw plan", cwd }),
  );
  throw parsed.error;
}
