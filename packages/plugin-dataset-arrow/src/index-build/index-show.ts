import { type Command, parseArguments } from "../command-arguments.js";
import { commandUsage } from "../errors.js";
import { groupLengths, readIndex } from "./index-file.js";

const usage = "hyfw index show <json> [--arrow-files]";

/** `hyfw index show`: what an index holds. */
export const indexShowCommand: Command = {
  name: "index show",
  summary:
    "Prints what an index holds: how it was built, rows by bucket and with --arrow-files by Arrow file.",
  usage,
  run: async (args, { stdout }) => {
    const { plain, flags } = parseArguments(args, { "--arrow-files": "none" }, usage);
    const [path, more] = plain;
    if (path === undefined || more !== undefined) throw commandUsage("name exactly one index", usage);
    const index = await readIndex(path);
    const { arrowFiles, cumLength, rows } = index;
    const total = cumLength.at(-1) ?? 0;
    stdout.write(
      `${path}: ${rows.has("") ? "base index" : `multi-resolution index, ${rows.size} bucket(s)`}\n`,
    );
    for (const line of index.dataType) stdout.write(`  built with   ${line.replace(/\n\s*/g, " ")}\n`);
    if (index.configFile !== "") stdout.write(`  config file  ${index.configFile}\n`);
    stdout.write(`  Arrow files  ${arrowFiles.length}, ${total} rows\n`);
    let entries = 0;
    let distinct = 0;
    for (const own of rows.values()) {
      entries += own.length;
      for (let i = 0; i < own.length; i++) if (i === 0 || own[i] !== own[i - 1]) distinct++;
    }
    stdout.write(
      `  entries      ${entries} of ${distinct} row(s), ${entries - distinct} repeat(s), ${total - Math.min(distinct, total)} row(s) of the files not in it\n`,
    );
    if (!rows.has("")) {
      stdout.write(`  ${"HxW".padStart(11)}  ${"ratio".padStart(6)}  ${"rows".padStart(9)}  share\n`);
      for (const [key, own] of rows) {
        const [height = 0, width = 1] = key.split("x").map(Number);
        const share = `${((100 * own.length) / entries).toFixed(1)} %`;
        stdout.write(
          `  ${key.padStart(11)}  ${(height / width).toFixed(4)}  ${String(own.length).padStart(9)}  ${share}\n`,
        );
      }
    }
    if (!flags.has("--arrow-files")) return 0;
    const perFile = new Array<number>(arrowFiles.length).fill(0);
    for (const own of rows.values())
      for (const [i, count] of groupLengths(cumLength, own).entries()) perFile[i] += count;
    for (const [i, name] of arrowFiles.entries())
      stdout.write(
        `  ${String(perFile[i]).padStart(9)} of ${String(cumLength[i] - (cumLength[i - 1] ?? 0)).padStart(9)}  ${name}\n`,
      );
    return 0;
  },
};
