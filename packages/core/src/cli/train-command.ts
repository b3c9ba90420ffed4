import { HyfwError } from "../define-error.js";
import type { NamedPlugin } from "../plugin/load.js";
import { displayPath } from "../preset/origin.js";
import { openRun } from "../run/container.js";
import { listOptions } from "../settings/options.js";
import type { Command, CommandIo } from "./command.js";
import { formatFlags, formatOptions } from "./help.js";
import { withRunSettings } from "./run-settings.js";
import {
  finish,
  type Installation,
  loadFrom,
  readSources,
  SourceOptions,
  settingOptions,
} from "./settings-arguments.js";

const USAGE =
  "hyfw [train] --preset NAME [--preset NAME2] [--config FILE] [--set key=value]... [flags] [--dry-run]";

/** `hyfw train`: resolves settings, sets up plugins, trains, and closes everything whatever happens. */
export function trainCommand(installation: Installation): Command {
  return {
    name: "train",
    summary: "Trains a model; the command that runs when none is named.",
    usage: USAGE,
    help: (argv, io) => trainHelp(argv, io, installation),
    run: async (argv, io) => {
      const dryRun = argv.includes("--dry-run");
      const given = readSources(argv.filter((word) => word !== "--dry-run"));
      const { sources, file } = await withRunSettings(given, io);
      if (file !== undefined) io.stdout.write(`settings of ${displayPath(file, io.cwd)}\n`);
      const loaded = await loadFrom(sources, io, installation);
      // Settings are checked before the room is loaded that needs the addon.
      const resolved = finish(loaded, sources.rest, USAGE);
      const { runTraining } = await import("../run/train.js");
      const run = await openRun(resolved);
      try {
        io.signal.throwIfAborted();
        await runTraining(run, io, { dryRun });
      } catch (fault) {
        await run.close().catch((second: unknown) => io.stderr.write(`${String(second)}\n`)); // the first fault is the news
        throw fault;
      }
      await run.close();
    },
  };
}

/** Help for the flags of the core and of the plugins that the named presets load. */
async function trainHelp(
  argv: readonly string[],
  io: CommandIo,
  { presetFolders }: Installation,
): Promise<string> {
  const dryRun = "  --dry-run\n      Prints the plan and stops.";
  const sources = `${formatFlags(listOptions(SourceOptions))}\n${dryRun}`;
  let plugins: readonly NamedPlugin[] = [];
  let note = "";
  try {
    ({ plugins } = await loadFrom(readSources(argv), io, { presetFolders }));
  } catch (fault) {
    // Help must come up also where settings are broken; it says why the plugins' flags are not in it.
    if (!(fault instanceof HyfwError)) throw fault;
    note = `Flags of plugins are not shown, because settings cannot be loaded:\n${fault.message}`;
  }
  if (plugins.length === 0 && note === "")
    note = "Add --preset NAME to see the flags of that preset's plugins too.";
  const parts = [sources, formatOptions(settingOptions({ plugins })), note];
  return parts.filter((part) => part !== "").join("\n\n");
}
