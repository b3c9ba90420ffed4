import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Arguments, type Command, one, parseArguments, required, whole } from "../command-arguments.js";
import { commandUsage, indexSetting } from "../errors.js";
import { buildBaseIndex } from "./build-base.js";
import { buildMultireso, type MultiresoSettings } from "./build-multireso.js";
import type { Difference } from "./differences.js";
import { below } from "./find-files.js";
import { writeIndex } from "./index-file.js";
import { IndexRecipe } from "./index-recipe.js";
import { findSources } from "./index-sources.js";
import { type ReadRecipe, readBaseYaml } from "./read-base-yaml.js";
import { type GivenMultireso, readMultiresoYaml } from "./read-multireso-yaml.js";
import { writeStats } from "./stats-file.js";

const baseUsage = "hyfw index base (<yaml> | --arrow <file or pattern> ...) --out <json> [--as-official]";
const multiresoUsage =
  "hyfw index multireso [<yaml>] [--src <json> ...] [--base-size N] [--reso-step N | --target-ratios H:W ...] [--align N] [--min-size N] [--md5-file <json>] --out <json> [--as-official]";

/** The short flags of the official `idk`. */
const SHORT: Readonly<Record<string, string>> = {
  "-c": "--config",
  "-t": "--out",
  "-s": "--src",
  "-w": "--workers",
};

/** `hyfw index base`: rows of some shards, chosen by filters, repeated and freed of duplicates. */
export const indexBaseCommand: Command = {
  name: "index base",
  summary: "Writes an index of rows of Arrow files: all of --arrow, or those that an official YAML chooses.",
  usage: baseUsage,
  run: async (args, { stdout, stderr }) => {
    const parsed = parseArguments(
      args.map((word) => SHORT[word] ?? word),
      {
        "--config": "one",
        "--arrow": "many",
        "--out": "one",
        "--as-official": "none",
        // Of the official command: nothing here needs them.
        "--workers": "one",
        "--work-dir": "one",
        "--use-cache": "none",
      },
      baseUsage,
    );
    const out = jsonPath(required(parsed, "--out", baseUsage));
    const asOfficial = parsed.flags.has("--as-official");
    const { yaml, rest } = yamlOf(parsed);
    const patterns = [...(parsed.flags.get("--arrow") ?? []), ...rest];
    if ((yaml === undefined) === (patterns.length === 0))
      throw commandUsage("name either one YAML file or Arrow files", baseUsage);
    const { recipe, notes } = yaml === undefined ? allRows(patterns) : readRecipe(yaml, asOfficial);
    const found = findSources(recipe, yaml ?? "--arrow", { asOfficial });
    const built = await buildBaseIndex(recipe, found.sources, {
      asOfficial,
      configFile: yaml === undefined ? "" : resolve(yaml),
    });
    for (const flag of ["--workers", "--work-dir", "--use-cache"])
      if (parsed.flags.has(flag)) stderr.write(`note: ${flag} is not needed and means nothing here\n`);
    for (const note of [...notes, ...found.notes, ...built.notes]) stderr.write(`note: ${note}\n`);
    for (const difference of built.differences) stderr.write(differenceNote(difference));
    await writeIndex(out, built.index);
    const stats = writeStats(out, built.stats);
    const length = built.index.rows.get("")?.length ?? 0;
    stdout.write(`${out}: ${length} rows of ${found.sources.length} Arrow file(s)\n`);
    stdout.write(
      `  ${built.rows} rows there, ${built.passed} passed the filters, ${length} after repeats and dedup\n`,
    );
    for (const [name, count] of built.stats) stdout.write(`  ${String(count).padStart(9)}  ${name}\n`);
    if (stats !== undefined)
      stdout.write(`  ${stats}: rows that each filter alone rejects, copies that each repeater makes\n`);
    return 0;
  },
};

/** `hyfw index multireso`: rows of base indexes by resolution bucket. */
export const indexMultiresoCommand: Command = {
  name: "index multireso",
  summary: "Writes a multi-resolution index from one or more base indexes; a YAML's keys win over flags.",
  usage: multiresoUsage,
  run: async (args, { stdout, stderr }) => {
    const { settings, yaml, out, notes, asOfficial } = readMultiresoArguments(args);
    if (out === undefined) throw commandUsage("--out is missing", multiresoUsage);
    for (const note of notes) stderr.write(`note: ${note}\n`);
    const built = await buildMultireso(settings, { configFile: yaml ?? "", asOfficial });
    for (const difference of built.differences) stderr.write(differenceNote(difference));
    await writeIndex(out, built.index);
    let rows = 0;
    for (const bucket of built.index.rows.values()) rows += bucket.length;
    stdout.write(`${out}: ${rows} rows in ${built.index.rows.size} bucket(s), height x width\n`);
    for (const [key, bucket] of built.index.rows) stdout.write(`  ${key.padStart(11)}  ${bucket.length}\n`);
    if (built.tooSmall > 0)
      stdout.write(`  ${built.tooSmall} row(s) left out: a side below ${settings.minSize}\n`);
    const unaligned = [...built.index.rows.keys()].filter((key) =>
      key.split("x").some((side) => Number(side) % settings.align !== 0),
    );
    if (unaligned.length > 0)
      stderr.write(
        `note: sides of ${unaligned.join(", ")} are no multiples of ${settings.align}; a step that divides half of base_size evenly has none such\n`,
      );
    return 0;
  },
};

function differenceNote(difference: Difference): string {
  return `note: not as the official tool: docs/index-differences.md, ${difference}\n`;
}

/** What the arguments of `hyfw index multireso` ask for. */
export interface MultiresoRequest {
  readonly settings: MultiresoSettings;
  readonly yaml: string | undefined;
  readonly out: string | undefined;
  readonly notes: readonly string[];
  readonly asOfficial: boolean;
}

/**
 * Reads arguments and the YAML they name; a key of the YAML wins over a flag, as in the official tool, and is noted.
 * @param folder that relative paths start at
 */
export function readMultiresoArguments(args: readonly string[], folder = "."): MultiresoRequest {
  const parsed = parseArguments(
    args.map((word) => SHORT[word] ?? word),
    {
      "--config": "one",
      "--src": "many",
      "--base-size": "one",
      "--reso-step": "one",
      "--target-ratios": "many",
      "--align": "one",
      "--min-size": "one",
      "--md5-file": "one",
      "--out": "one",
      "--as-official": "none",
    },
    multiresoUsage,
  );
  const { yaml, rest } = yamlOf(parsed);
  const number = (name: string, least: number) => whole(parsed, name, { least, usage: multiresoUsage });
  const src = [...(parsed.flags.get("--src") ?? []), ...rest];
  const flags: GivenMultireso = {
    src: src.length === 0 ? undefined : src,
    baseSize: number("--base-size", 1),
    resoStep: number("--reso-step", 1),
    targetRatios: parsed.flags.get("--target-ratios"),
    align: number("--align", 1),
    minSize: number("--min-size", 0),
    md5File: one(parsed, "--md5-file"),
  };
  const asOfficial = parsed.flags.has("--as-official");
  const read =
    yaml === undefined
      ? { given: {}, notes: [] }
      : readMultiresoYaml(readYamlFile(below(folder, yaml)), yaml, asOfficial);
  const notes = [...read.notes];
  const joined: GivenMultireso = { ...flags };
  for (const key of Object.keys(read.given) as (keyof GivenMultireso)[]) {
    const value = read.given[key];
    if (value === undefined) continue;
    if (flags[key] !== undefined && JSON.stringify(flags[key]) !== JSON.stringify(value))
      notes.push(`${key} is ${JSON.stringify(value)} as the YAML says, not ${JSON.stringify(flags[key])}`);
    Object.assign(joined, { [key]: value });
  }
  return { settings: completeMultireso(joined), yaml, out: one(parsed, "--out"), notes, asOfficial };
}

/** Settings with their defaults. @throws HYFW_DATA_USAGE when src or the base size is missing */
function completeMultireso(given: GivenMultireso): MultiresoSettings {
  const {
    src = [],
    baseSize,
    resoStep = null,
    targetRatios = null,
    align = 16,
    minSize = 0,
    md5File,
  } = given;
  if (src.length === 0)
    throw commandUsage("no base index is named; give src in the YAML, or --src", multiresoUsage);
  if (baseSize === undefined)
    throw commandUsage(
      "the base size is missing; give base_size in the YAML, or --base-size",
      multiresoUsage,
    );
  return { src, baseSize, resoStep, targetRatios, align, minSize, md5File };
}

function readRecipe(yaml: string, asOfficial: boolean): ReadRecipe {
  return readBaseYaml(readYamlFile(yaml), yaml, asOfficial);
}

function allRows(patterns: readonly string[]): ReadRecipe {
  return { recipe: IndexRecipe.parse({ source: patterns.map((path) => ({ path })) }), notes: [] };
}

function readYamlFile(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw indexSetting(path, undefined, `it cannot be read: ${why}`, "check the path");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw indexSetting(path, undefined, "it is not UTF-8", `store it as UTF-8 (${String(cause)})`);
  }
}

/** The YAML among the plain words, or of --config, and the other words. */
function yamlOf(parsed: Arguments): { yaml: string | undefined; rest: string[] } {
  const isYaml = (word: string): boolean => /\.ya?ml$/i.test(word);
  const named = [...(parsed.flags.get("--config") ?? []), ...parsed.plain.filter(isYaml)];
  if (named.length > 1)
    throw commandUsage(`${named.length} YAML files are named, expected one`, "hyfw index --help");
  return { yaml: named[0], rest: parsed.plain.filter((word) => !isYaml(word)) };
}

function jsonPath(out: string): string {
  return out.endsWith(".json") ? out : `${out}.json`;
}
