import { readFileSync } from "node:fs";
import { join } from "node:path";
import { argumentMissing, argumentUnexpected, commandUnknown } from "../errors/command-line.js";
import { listPresets } from "../preset/find.js";
import { loadSettings } from "../preset/load-settings.js";
import { displayPath } from "../preset/origin.js";
import { suggest } from "../settings/suggest.js";
import type { Command } from "./command.js";
import { printSettings } from "./print-settings.js";
import { finish, type Installation } from "./settings-arguments.js";

const USAGE = "hyfw preset list | hyfw preset show NAME";

/** `hyfw preset`: lists presets, and prints one resolved with the origin of every value. */
export function presetCommand({ presetFolders }: Installation): Command {
  return {
    name: "preset",
    summary: "Lists presets, or prints one with the origin of every value.",
    usage: USAGE,
    run: async ([action, name, ...extra], io) => {
      if (extra[0] !== undefined) throw argumentUnexpected(extra[0], USAGE);
      if (action === undefined) throw argumentMissing("list or show", USAGE);
      if (action === "show") {
        if (name === undefined) throw argumentMissing("NAME", USAGE);
        // Only the preset itself: what a project's config file adds is shown by `hyfw config print`.
        const loaded = await loadSettings({ cwd: io.cwd, presets: [name], presetFolders, config: false });
        io.stdout.write(printSettings(finish(loaded, [], USAGE), true));
      } else if (action === "list") {
        if (name !== undefined) throw argumentUnexpected(name, USAGE);
        const presets = listPresets({ folders: [join(io.cwd, "presets"), ...presetFolders] });
        const width = Math.max(...presets.map((preset) => preset.name.length), 0);
        for (const preset of presets)
          io.stdout.write(
            `${io.bold(preset.name.padEnd(width))}  ${summaryOf(preset.file)}  (${displayPath(preset.file, io.cwd)})\n`,
          );
      } else
        throw commandUnknown(`preset ${action}`, suggest(action, ["list", "show"]), [
          "preset list",
          "preset show",
        ]);
    },
  };
}

/** The first comment line of a preset, which says what it is for. */
function summaryOf(file: string): string {
  const first = readFileSync(file, "utf8").split("\n", 1)[0] ?? "";
  return first.startsWith("#") ? first.replace(/^#+\s*/, "") : "";
}
