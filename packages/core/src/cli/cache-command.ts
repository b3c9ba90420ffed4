import { z } from "zod";
import { throwProblems, toProblems } from "../preset/check.js";
import { mergeLayers, plainValue } from "../preset/merge.js";
import { openRun } from "../run/container.js";
import { listOptions } from "../settings/options.js";
import { type Command, type CommandIo, throwUsage } from "./command.js";
import { type FlagTable, flagLayers, flagTable, parseArguments } from "./flags.js";
import { formatFlags } from "./help.js";
import { finish, type Installation, loadFrom, readSources, SourceOptions } from "./settings-arguments.js";

const USAGE = "hyfw cache --preset NAME [--cache-epochs N] [--estimate] [--set key=value]...";

/** Flags of `hyfw cache` beside those that name settings. */
export const CacheOptions = z.strictObject({
  cacheEpochs: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe(
      "Epochs of every phase to make ready: where crops, mirroring or captions change from epoch to epoch, each has entries of its own.",
    )
    .meta({ flag: "--cache-epochs" }),
  estimate: z
    .boolean()
    .default(false)
    .describe("Says how large the caches become at most, and makes nothing.")
    .meta({ flag: "--estimate" }),
});

/** `hyfw cache`: latents and text states of a run's first epochs, computed before it is trained. */
export function cacheCommand(installation: Installation): Command {
  return {
    name: "cache",
    summary:
      "Computes latents and text states of a run's first epochs into the caches that its settings name.",
    usage: USAGE,
    help: () => `${formatFlags(listOptions(CacheOptions))}\n${formatFlags(listOptions(SourceOptions))}`,
    run: async (argv, io) => {
      const { options, rest } = readCacheOptions(argv, io);
      const sources = readSources(rest);
      const loaded = await loadFrom(sources, io, installation);
      const resolved = finish(loaded, sources.rest, USAGE, ownFlags());
      const { buildCaches } = await import("../run/build-caches.js");
      const run = await openRun(resolved);
      try {
        await buildCaches(run, { epochs: options.cacheEpochs, estimate: options.estimate }, io);
      } catch (fault) {
        await run.close().catch((second: unknown) => io.stderr.write(`${String(second)}\n`)); // the first fault is the news
        throw fault;
      }
      await run.close();
    },
  };
}

function ownFlags(): FlagTable {
  return flagTable(listOptions(CacheOptions));
}

function readCacheOptions(
  argv: readonly string[],
  { cwd }: Pick<CommandIo, "cwd">,
): { readonly options: z.output<typeof CacheOptions>; readonly rest: readonly string[] } {
  const { given, rest, problems } = parseArguments(argv, ownFlags());
  throwUsage(problems);
  const merged = mergeLayers(flagLayers(given, cwd));
  const value = merged === undefined ? {} : plainValue(merged);
  const parsed = CacheOptions.safeParse(value);
  if (parsed.success) return { options: parsed.data, rest };
  throwProblems(
    toProblems(parsed.error, value, { schema: CacheOptions, prefix: [], merged, owner: "hyfw cache", cwd }),
  );
  throw parsed.error;
}
