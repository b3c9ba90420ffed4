import type { z } from "zod";
import type { HyfwError } from "../define-error.js";
import { argumentMissing, argumentUnexpected, usageWrong } from "../errors/command-line.js";
import { throwProblems, toProblems } from "../preset/check.js";
import { mergeLayers, plainValue } from "../preset/merge.js";
import { listOptions } from "../settings/options.js";
import { flagLayers, flagTable, gatherLists, isFlag, parseArguments } from "./flags.js";
import { formatFlags } from "./help.js";
import { refuseRest } from "./official-flags.js";

/** What a command may use of the process around it. */
export interface CommandIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal that may be drawn over. */
  readonly isTerminal: boolean;
  /** Bold on a terminal, unchanged elsewhere and under NO_COLOR. */
  bold(text: string): string;
  /** Aborted by Ctrl-C; a command that sees it stops at the next safe place. */
  readonly signal: AbortSignal;
}

/** A command as `main` runs it. `defineCommand` makes one. */
export interface Command {
  /** The word after `hyfw`, or the words: `index base`. */
  readonly name: string;
  /** One sentence for the list of commands. */
  readonly summary: string;
  /** For example `hyfw pack FILE.csv [FILE.csv...] --out DIR`. */
  readonly usage: string;
  /**
   * Help without the lines for usage and summary, which are printed before it.
   * @param argv the words after the command's name, which may name presets whose plugins add flags
   */
  help?(argv: string[], io: CommandIo): string | Promise<string>;
  /**
   * @param argv the words after the command's name
   * @returns nothing when done, or an exit code
   */
  run(argv: string[], io: CommandIo): CommandResult | Promise<CommandResult>;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a command that returns nothing is the ordinary kind
type CommandResult = number | void;

/** A word of a command that is not a flag. */
export interface Positional {
  readonly name: string;
  readonly description: string;
  readonly isRequired?: boolean;
  /** Takes all words that are left; only the last positional may. */
  readonly isMany?: boolean;
}

/** A command as its author writes it. */
export interface CommandDefinition<Schema extends z.ZodObject> {
  readonly name: string;
  readonly summary: string;
  /** For example `hyfw pack FILE.csv [FILE.csv...] --out DIR`. */
  readonly usage: string;
  /** A strict object whose options carry `.meta({ flag: "--..." })`. */
  readonly options: Schema;
  readonly positionals?: readonly Positional[];
  run(
    args: { readonly options: z.output<Schema>; readonly positionals: readonly string[] },
    io: CommandIo,
  ): CommandResult | Promise<CommandResult>;
}

/** Makes a command whose flags, checks and help all come from its schema. */
export function defineCommand<Schema extends z.ZodObject>(definition: CommandDefinition<Schema>): Command {
  const { name, summary, usage, options: schema, positionals = [] } = definition;
  const options = listOptions(schema);
  return {
    name,
    summary,
    usage,
    help: () => {
      const words = positionals.map((one) => `  ${one.name.padEnd(20)}  ${one.description}`);
      return [words.join("\n"), formatFlags(options)].filter((part) => part !== "").join("\n\n");
    },
    run: async (argv, io) => {
      const table = flagTable(options);
      const { given, rest, problems } = parseArguments(argv, table);
      const words = rest.filter((word) => !isFlag(word));
      const refused = refuseRest(rest, table, (word) => argumentUnexpected(word, usage)).filter(
        (problem) => problem.code !== argumentUnexpected.code,
      );
      throwUsage([...problems, ...refused, ...checkPositionals(words, positionals, usage)]);
      const merged = mergeLayers(flagLayers(gatherLists(given), io.cwd));
      const value = merged === undefined ? {} : plainValue(merged);
      const parsed = schema.safeParse(value);
      if (!parsed.success) {
        throwProblems(
          toProblems(parsed.error, value, { schema, prefix: [], merged, owner: `hyfw ${name}`, cwd: io.cwd }),
        );
        throw parsed.error;
      }
      return definition.run({ options: parsed.data, positionals: words }, io);
    },
  };
}

/** Throws one error for all that is wrong with a command line; nothing when nothing is. */
export function throwUsage(problems: readonly HyfwError[]): void {
  const [first] = problems;
  if (first !== undefined) throw problems.length === 1 ? first : usageWrong(problems);
}

function checkPositionals(
  words: readonly string[],
  positionals: readonly Positional[],
  usage: string,
): HyfwError[] {
  const missing = positionals.filter((one, index) => one.isRequired === true && index >= words.length);
  const extra = positionals.at(-1)?.isMany === true ? [] : words.slice(positionals.length);
  return [
    ...missing.map((one) => argumentMissing(one.name, usage)),
    ...extra.map((word) => argumentUnexpected(word, usage)),
  ];
}
