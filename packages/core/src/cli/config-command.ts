import { argumentMissing, commandUnknown } from "../errors/command-line.js";
import { settingNotSet } from "../errors/settings.js";
import { describeValue } from "../errors/words.js";
import { formatPlace, type Origin } from "../preset/origin.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { keysOf, optionOf, schemaAt } from "../settings/options.js";
import { parsePath } from "../settings/path.js";
import { SettingsSchema } from "../settings/schema.js";
import { suggest } from "../settings/suggest.js";
import type { Command, CommandIo } from "./command.js";
import { isFlag } from "./flags.js";
import { printSettings } from "./print-settings.js";
import { finish, type Installation, loadFrom, readSources } from "./settings-arguments.js";

const USAGE =
  "hyfw config print [--origin] | hyfw config why KEY  [--preset NAME]... [--set key=value]... [flags]";

/** `hyfw config`: prints settings, and tells who set one. Loads plugins for their schemas and sets none up. */
export function configCommand({ presetFolders }: Installation): Command {
  return {
    name: "config",
    summary: "Prints the resolved settings, or tells who set one of them.",
    usage: USAGE,
    help: () =>
      "print           prints all settings as YAML; --origin adds who set each\n" +
      "why KEY         tells who set KEY (for example train.lr) and whom that replaced",
    run: async ([action, ...argv], io) => {
      if (action === undefined) throw argumentMissing("print or why", USAGE);
      if (action !== "print" && action !== "why")
        throw commandUnknown(`config ${action}`, suggest(action, ["print", "why"]), [
          "config print",
          "config why",
        ]);
      const sources = readSources(argv.filter((word) => action === "why" || word !== "--origin"));
      const [key, ...afterKey] = sources.rest;
      const isKeyMissing = key === undefined || isFlag(key);
      if (action === "why" && isKeyMissing) throw argumentMissing("KEY", USAGE);
      const loaded = await loadFrom(sources, io, { presetFolders });
      const resolved = finish(loaded, action === "why" ? afterKey : sources.rest, USAGE);
      if (action === "print") io.stdout.write(printSettings(resolved, argv.includes("--origin")));
      else explain(key ?? "", resolved, io);
    },
  };
}

/** Prints the whole chain of who set a value; of every value below when the key is a section. */
function explain(key: string, resolved: ResolvedSettings, io: CommandIo): void {
  const leaves = resolved.leaves();
  const below = leaves.filter(({ path }) => path === key || path.startsWith(`${key}.`));
  const [only] = below;
  const shown = below.length === 0 ? [{ path: key, value: undefined, origin: resolved.origin(key) }] : below;
  if (only === undefined && resolved.origin(key) === undefined) {
    const known = leaves.map(({ path }) => path);
    const parent = parsePath(key)?.slice(0, -1) ?? [];
    const schema = schemaAt(SettingsSchema, parent);
    const optional = schema === undefined ? [] : keysOf(schema).map((name) => [...parent, name].join("."));
    if (optional.includes(key)) {
      io.stdout.write(`${key} is not set, and has no default\n${describe(key, resolved)}`);
      return;
    }
    throw settingNotSet(key, suggest(key, [...known, ...optional]), known);
  }
  for (const { path, value, origin } of shown) {
    io.stdout.write(`${io.bold(path)} = ${describeValue(value)}\n`);
    for (
      let one: Origin | undefined = origin, word = "set by";
      one !== undefined;
      one = one.overrode, word = "over"
    ) {
      const was = one.value === undefined ? "" : ` = ${describeValue(one.value)}`;
      io.stdout.write(`  ${word.padEnd(6)}  ${formatPlace(one, resolved.cwd)}${was}\n`);
    }
    io.stdout.write(describe(path, resolved));
  }
}

/** The option's own sentence, from the schema that declares it. */
function describe(key: string, resolved: ResolvedSettings): string {
  const path = parsePath(key) ?? [];
  const plugin = path[0] === "plugins" ? resolved.plugins.find(({ name }) => name === path[1]) : undefined;
  const schema =
    plugin === undefined
      ? schemaAt(SettingsSchema, path)
      : schemaAt(plugin.definition.options, path.slice(2));
  if (schema === undefined) return "";
  const option = optionOf(schema, path);
  const flag = option.meta.flag === undefined ? "" : ` Flag: ${option.meta.flag}.`;
  return option.description === "" ? "" : `  means   ${option.description} Takes ${option.accepts}.${flag}\n`;
}
