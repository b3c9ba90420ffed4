import { z } from "zod";
import { rowsSyntax } from "../errors/command-line.js";
import { throwProblems, toProblems } from "../preset/check.js";
import { mergeLayers, plainValue } from "../preset/merge.js";
import { openRun } from "../run/container.js";
import { listOptions } from "../settings/options.js";
import { type Command, type CommandIo, throwUsage } from "./command.js";
import { type FlagTable, flagLayers, flagTable, parseArguments } from "./flags.js";
import { formatFlags } from "./help.js";
import { finish, type Installation, loadFrom, readSources, SourceOptions } from "./settings-arguments.js";

const USAGE =
  "hyfw see --preset NAME [--rows 3,10-14] [--epoch E] [--batches N] [--out page.html] [--set key=value]...";

const whole = z.number().int();

/** Flags of `hyfw see` beside those that name settings. */
export const SeeOptions = z.strictObject({
  rows: z
    .string()
    .optional()
    .describe("Positions of the index to show, as numbers and ranges: 3,10-14. The next batches without it.")
    .meta({ flag: "--rows" }),
  epoch: whole
    .nonnegative()
    .default(0)
    .describe("Epoch to show, over all phases, from 0.")
    .meta({ flag: "--epoch" }),
  batches: whole.positive().default(1).describe("Batches to show.").meta({ flag: "--batches" }),
  skip: whole
    .nonnegative()
    .default(0)
    .describe("Batches of the epoch to pass over first.")
    .meta({ flag: "--skip" }),
  out: z.string().optional().describe("Page to write; opens offline in any browser.").meta({ flag: "--out" }),
  pictureSize: whole
    .min(8)
    .default(320)
    .describe("Longest side of the page's pictures in pixels; larger ones are shrunk.")
    .meta({ flag: "--picture-size" }),
  allRows: z
    .boolean()
    .default(false)
    .describe("Counts what chances can touch over every row instead of a sample of 1,000.")
    .meta({ flag: "--all-rows" }),
});

/** `hyfw see`: the next batches as the model will get them, made by the loader that training uses. */
export function seeCommand(installation: Installation): Command {
  return {
    name: "see",
    summary: "Shows the next batches as the model will get them: pictures, captions, sizes, chances.",
    usage: USAGE,
    help: () => `${formatFlags(listOptions(SeeOptions))}\n${formatFlags(listOptions(SourceOptions))}`,
    run: async (argv, io) => {
      const { options, rest } = readSeeOptions(argv, io);
      const rows = options.rows === undefined ? undefined : readRows(options.rows);
      const sources = readSources(rest);
      const loaded = await loadFrom(sources, io, installation);
      const resolved = finish(loaded, sources.rest, USAGE, ownFlags());
      const { seeRun } = await import("../see/see-run.js");
      const run = await openRun(resolved);
      try {
        await seeRun(run, { ...options, rows, out: options.out }, io);
      } catch (fault) {
        await run.close().catch((second: unknown) => io.stderr.write(`${String(second)}\n`)); // the first fault is the news
        throw fault;
      }
      await run.close();
    },
  };
}

function ownFlags(): FlagTable {
  return flagTable(listOptions(SeeOptions));
}

function readSeeOptions(
  argv: readonly string[],
  { cwd }: Pick<CommandIo, "cwd">,
): { readonly options: z.output<typeof SeeOptions>; readonly rest: readonly string[] } {
  const { given, rest, problems } = parseArguments(argv, ownFlags());
  throwUsage(problems);
  const merged = mergeLayers(flagLayers(given, cwd));
  const value = merged === undefined ? {} : plainValue(merged);
  const parsed = SeeOptions.safeParse(value);
  if (parsed.success) return { options: parsed.data, rest };
  throwProblems(
    toProblems(parsed.error, value, { schema: SeeOptions, prefix: [], merged, owner: "hyfw see", cwd }),
  );
  throw parsed.error;
}

/** Most rows that may be asked for at once; each becomes a picture of the page. */
const MOST_ROWS = 10_000;

/** Positions as `3,10-14` names them, in that order, each once. @throws HYFW_USAGE_ROWS */
export function readRows(text: string): number[] {
  const rows = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?$/.exec(part);
    if (match === null) throw rowsSyntax(text, part);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || rows.size + last - first >= MOST_ROWS) throw rowsSyntax(text, part);
    for (let row = first; row <= last; row++) rows.add(row);
  }
  return [...rows];
}
