import { HyfwError } from "../define-error.js";
import { launchInvalid } from "../errors/launch.js";
import { launch } from "../launch/launch.js";
import { LaunchOptions, type LaunchOrder, orderFrom } from "../launch/launch-options.js";
import type { NamedPlugin } from "../plugin/load.js";
import { displayPath } from "../preset/origin.js";
import { listOptions } from "../settings/options.js";
import { type Command, type CommandIo, throwUsage } from "./command.js";
import { flagTable, parseArguments } from "./flags.js";
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
  "hyfw [train] --preset NAME [--preset NAME2] [--config FILE] [--set key=value]... [flags] [--nproc N] [--dry-run]";

/** `hyfw train`: resolves settings, sets up plugins, trains, and closes everything whatever happens. */
export function trainCommand(installation: Installation): Command {
  return {
    name: "train",
    summary: "Trains a model; the command that runs when none is named.",
    usage: USAGE,
    help: (argv, io) => trainHelp(argv, io, installation),
    run: async (argv, io) => {
      const dryRun = argv.includes("--dry-run");
      const { order, rest } = readLaunch(argv, io);
      if (order !== undefined && !dryRun)
        return launch(order, ["train", ...rest], { program: installation.program ?? ownProgram(), io });
      const given = readSources(rest.filter((word) => word !== "--dry-run"));
      const { sources, file } = await withRunSettings(given, io);
      if (file !== undefined) io.stdout.write(`settings of ${displayPath(file, io.cwd)}\n`);
      const loaded = await loadFrom(sources, io, installation);
      // Settings are checked before the room is loaded that needs the addon.
      const resolved = finish(loaded, sources.rest, USAGE);
      const { trainInWorld } = await import("../launch/train-in-world.js");
      await trainInWorld(resolved, io, dryRun ? order : undefined, dryRun);
      return undefined;
    },
  };
}

/** Takes the launcher's flags off a command line. */
function readLaunch(
  argv: readonly string[],
  { env }: CommandIo,
): { readonly order: LaunchOrder | undefined; readonly rest: readonly string[] } {
  const { given, rest, problems } = parseArguments(argv, flagTable(listOptions(LaunchOptions)));
  throwUsage(problems);
  const values = Object.fromEntries(given.map(({ spec, value }) => [spec.option.path.join("."), value]));
  const parsed = LaunchOptions.safeParse(values);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const option = listOptions(LaunchOptions).find(({ path }) => path[0] === issue?.path[0]);
    throw launchInvalid(option?.meta.flag ?? "the launcher's flags", issue?.message ?? "not understood");
  }
  return { order: orderFrom(parsed.data, env), rest };
}

/** How this program was started, to start it again. */
function ownProgram(): string[] {
  return [process.execPath, ...process.execArgv, ...process.argv.slice(1, 2)];
}

/** Help for the flags of the core and of the plugins that the named presets load. */
async function trainHelp(
  argv: readonly string[],
  io: CommandIo,
  { presetFolders }: Installation,
): Promise<string> {
  const dryRun = "  --dry-run\n      Prints the plan and stops.";
  const launching = formatFlags(listOptions(LaunchOptions));
  const sources = `${formatFlags(listOptions(SourceOptions))}\n${launching}\n${dryRun}`;
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
