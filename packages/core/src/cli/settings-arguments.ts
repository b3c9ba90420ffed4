import { z } from "zod";
import { argumentUnexpected } from "../errors/command-line.js";
import { type LoadedSettings, loadSettings } from "../preset/load-settings.js";
import { checkSettings, type ResolvedSettings } from "../preset/resolve.js";
import { listOptions, type Option } from "../settings/options.js";
import { SettingsSchema } from "../settings/schema.js";
import { type CommandIo, throwUsage } from "./command.js";
import { type FlagTable, flagLayers, flagTable, parseArguments } from "./flags.js";
import { refuseRest } from "./official-flags.js";

/** What the `hyfw` package tells the core about itself. */
export interface Installation {
  /** Folders of presets that come with hyfw. */
  readonly presetFolders: readonly string[];
  /** Whether a CUDA GPU can be used. */
  readonly cudaAvailable: () => boolean | Promise<boolean>;
  /** What starts this program again, for several processes; the running one when left out. */
  readonly program?: readonly string[];
}

/** Flags that say which settings to load; every command that reads settings takes them. */
export const SourceOptions = z.strictObject({
  preset: z
    .array(z.string())
    .default([])
    .describe(
      "Preset to start from: a name, a path, or an npm package. May be given several times; later ones win.",
    )
    .meta({ flag: "--preset" }),
  config: z
    .string()
    .optional()
    .describe("Config file to read instead of the one that is found by searching.")
    .meta({ flag: "--config" }),
  set: z
    .array(z.string())
    .default([])
    .describe("Any setting as key=value, for example train.lr=1e-4. May be given several times.")
    .meta({ flag: "--set" }),
});

/** Where settings come from, and the words of the command line that may be flags of settings. */
export interface SettingsArguments {
  readonly presets: readonly string[];
  /** `false` reads no config file; `undefined` searches for one. */
  readonly config: string | false | undefined;
  readonly sets: readonly string[];
  readonly rest: readonly string[];
}

/** Takes the flags of `SourceOptions` off a command line. */
export function readSources(argv: readonly string[]): SettingsArguments {
  const { given, rest, problems } = parseArguments(argv, sourceTable());
  throwUsage(problems);
  const valuesOf = (key: string): string[] =>
    given.filter(({ spec }) => spec.option.path[0] === key).flatMap(({ value }) => wordsOf(value));
  return { presets: valuesOf("preset"), config: valuesOf("config").at(-1), sets: valuesOf("set"), rest };
}

/** The flags of `SourceOptions`; each takes one word at a time, so that `--preset a b` does not swallow `b`. */
function sourceTable(): ReturnType<typeof flagTable> {
  const table = flagTable(listOptions(SourceOptions));
  return new Map([...table].map(([flag, spec]) => [flag, { ...spec, takes: "one" }]));
}

function wordsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

/** Loads what a command line names, without checking values yet. */
export function loadFrom(
  sources: SettingsArguments,
  { cwd }: CommandIo,
  { presetFolders, cudaAvailable }: Pick<Installation, "presetFolders"> & Partial<Installation>,
): Promise<LoadedSettings> {
  return loadSettings({
    cwd,
    presets: sources.presets,
    presetFolders,
    sets: sources.sets,
    ...(sources.config !== undefined && { config: sources.config }),
    ...(cudaAvailable !== undefined && { cudaAvailable }),
  });
}

/**
 * Lays the flags of a command line over loaded settings and checks everything.
 * @param rest words that no flag of the command itself took
 * @param own the command's own flags, to suggest for a misspelt one
 */
export function finish(
  loaded: LoadedSettings,
  rest: readonly string[],
  usage: string,
  own: FlagTable = new Map(),
): ResolvedSettings {
  // A plugin that could not be loaded explains its unknown flags; it is reported first.
  if (loaded.problems.length > 0) return checkSettings(loaded, []);
  const table = flagTable(settingOptions(loaded).flatMap(({ options }) => options));
  const parsed = parseArguments(rest, table);
  const known: FlagTable = new Map([...table, ...own]);
  const refused = refuseRest(parsed.rest, known, (word) => argumentUnexpected(word, usage));
  throwUsage([...parsed.problems, ...refused]);
  return checkSettings(loaded, flagLayers(parsed.given, loaded.cwd));
}

/** Every option of the core and of the loaded plugins, in groups. */
export function settingOptions(
  loaded: Pick<LoadedSettings, "plugins">,
): { title: string; options: Option[] }[] {
  const groups = new Map<string, Option[]>();
  for (const option of listOptions(SettingsSchema)) {
    const section = option.path.length > 1 ? String(option.path[0]) : "runs in parts, and plugins";
    groups.set(section, [...(groups.get(section) ?? []), option]);
  }
  return [
    ...[...groups].map(([title, options]) => ({ title, options })),
    ...loaded.plugins.map(({ name, definition }) => ({
      title: `plugin ${name}`,
      options: listOptions(definition.options, ["plugins", name]),
    })),
  ];
}
