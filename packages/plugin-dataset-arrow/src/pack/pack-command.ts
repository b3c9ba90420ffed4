import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type CommandIo, defineCommand, z } from "@hyfw/core";
import { parse as parseYaml } from "yaml";
import { packSettings } from "../errors.js";
import { parseShare, slurmShare } from "./machine-share.js";
import { mergePack, type PackReport, pack } from "./pack.js";
import { type PackInput, PackOptions } from "./pack-options.js";
import { PackProgressLine } from "./pack-progress.js";

/** The settings as flags: none has a default of its own, so that a flag that is given wins over the settings file. */
const settingFlags = Object.fromEntries(
  Object.entries(PackOptions.shape).map(([name, option]) => [name, asFlag(option)]),
);

const PackFlags = z.strictObject({
  out: z.string().describe("Folder for shards, ledger and report.").meta({ flag: "--out", path: true }),
  settings: z
    .string()
    .optional()
    .describe("YAML or JSON file with the settings below by their names; flags win over it.")
    .meta({ flag: "--settings", path: true }),
  replace: z
    .boolean()
    .default(false)
    .describe("Removes what an earlier pack left in the folder, instead of continuing it.")
    .meta({ flag: "--replace" }),
  shard: z
    .string()
    .optional()
    .describe(
      "i/n packs every n-th shard from the i-th on, to be merged by hyfw pack merge; taken from SLURM job arrays by itself.",
    )
    .meta({ flag: "--shard" }),
  inFlight: z
    .number()
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe("Pictures read and decoded at a time; one more than there are cores when left out.")
    .meta({ flag: "--in-flight" }),
  ...settingFlags,
});

/** `hyfw pack`: a source of pictures and captions to Arrow shards. */
export const packCommand = defineCommand({
  name: "pack",
  summary: "Packs pictures and captions into Arrow shards: every picture decoded, every row accounted for.",
  usage: "hyfw pack SOURCE --out DIR [--settings FILE] [--shard i/n] [--replace] [settings]",
  options: PackFlags,
  positionals: [
    {
      name: "SOURCE",
      description:
        "A .csv, .jsonl, .parquet or .arrow file, a pattern of the last two, or a folder of them or of pictures.",
      isRequired: true,
    },
  ],
  run: async ({ options: { out, settings, replace, shard, inFlight, ...flags }, positionals }, io) => {
    const share = shard === undefined ? slurmShare(io.env) : parseShare(shard);
    const source = positionals[0] ?? "";
    const line = new PackProgressLine(io.stderr, io.isTerminal);
    const started = performance.now();
    if (share !== undefined) io.stdout.write(`share ${share.index + 1} of ${share.count}\n`);
    try {
      const report = await pack({
        source: resolve(io.cwd, source),
        out,
        settings: { ...(settings === undefined ? {} : readSettings(settings)), ...given(flags) },
        replace,
        share,
        inFlight,
        cwd: io.cwd,
        signal: io.signal,
        onFact: (fact) => io.stdout.write(`${fact}\n`),
        onProgress: (progress) => line.show(progress),
      });
      line.end();
      printReport(io, source, report, (performance.now() - started) / 1000);
    } finally {
      line.end();
    }
  },
});

/** `hyfw pack merge`: joins what the shares of several machines packed. */
export const packMergeCommand = defineCommand({
  name: "pack merge",
  summary: "Joins the shares that several machines packed: repeats over all of them, ledger, report.",
  usage: "hyfw pack merge DIR",
  options: z.strictObject({}),
  positionals: [
    { name: "DIR", description: "The folder that hyfw pack was given as --out.", isRequired: true },
  ],
  run: async ({ positionals }, io) => {
    const started = performance.now();
    const report = await mergePack(resolve(io.cwd, positionals[0] ?? ""));
    printReport(io, report.source, report, (performance.now() - started) / 1000);
  },
});

function printReport(io: CommandIo, source: string, report: PackReport, seconds: number): void {
  const { rows, kept, repaired, refused, shards } = report;
  if (report.wasFinished) io.stdout.write("nothing to do: this source is packed already\n");
  io.stdout.write(
    `${source}: ${rows} rows = ${kept} kept + ${repaired} repaired + ${refused} refused, ${shards.length} shard(s), ${seconds.toFixed(1)} s\n`,
  );
  for (const [reason, count] of Object.entries(report.refusedByReason))
    io.stdout.write(`  ${String(count).padStart(8)}  refused: ${reason}\n`);
  for (const [reason, count] of Object.entries(report.repairedByReason))
    io.stdout.write(`  ${String(count).padStart(8)}  repaired: ${reason}\n`);
  if (report.isFinished)
    io.stdout.write(`  every row in ${report.ledger}, pictures in ${report.reportFile}\n`);
  else io.stdout.write("  when all shares are packed: hyfw pack merge, with the same folder\n");
}

/** Settings of a file. @throws HYFW_PACK_SETTINGS naming the nearest valid one for a name that is unknown */
function readSettings(file: string): PackInput {
  let value: unknown;
  try {
    value = parseYaml(readFileSync(file, "utf8"));
  } catch (error) {
    throw packSettings(
      file,
      (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "",
      "write one setting a line, for example minSide: 512",
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw packSettings(file, "it holds no settings", "write one setting a line, for example minSide: 512");
  const names = Object.keys(PackOptions.shape);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw packSettings(
      file,
      `there is no setting ${JSON.stringify(unknown)}${nearest(unknown, names)}`,
      `there are ${names.join(", ")}`,
    );
  const parsed = PackOptions.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw packSettings(file, `${issue?.path.join(".")}: ${issue?.message}`, "see hyfw pack --help");
  }
  const { rules, ...others } = value as PackInput;
  return { ...others, ...(rules && { rules: rules.map((module) => resolve(dirname(file), module)) }) };
}

function nearest(written: string, names: readonly string[]): string {
  const plain = (name: string) => name.toLowerCase().replace(/[-_]/g, "");
  const found =
    names.find((name) => plain(name) === plain(written)) ??
    [...names].sort((a, b) => shared(plain(b), plain(written)) - shared(plain(a), plain(written)))[0];
  return found === undefined ? "" : `; did you mean ${found}?`;
}

/** Letters that two words begin or end with in common. */
function shared(a: string, b: string): number {
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return start + end;
}

function given(flags: Readonly<Record<string, unknown>>): PackInput {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** An option without its default, which its sentence tells instead. */
function asFlag(option: z.ZodType): z.ZodType {
  if (!(option instanceof z.ZodDefault)) return option;
  const { defaultValue, innerType } = option.def;
  const shown =
    Array.isArray(defaultValue) && defaultValue.length === 0 ? "none" : JSON.stringify(defaultValue);
  const { description = "", ...meta } = option.meta() ?? {};
  return (innerType as z.ZodType).optional().describe(`${description} Default: ${shown}.`).meta(meta);
}
