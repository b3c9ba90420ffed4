import { CORE_VERSION } from "../core-version.js";
import { HyfwError } from "../define-error.js";
import { commandUnknown } from "../errors.js";
import { suggest } from "../settings/suggest.js";
import type { Command, CommandIo } from "./command.js";
import { configCommand } from "./config-command.js";
import { isFlag } from "./flags.js";
import { presetCommand } from "./preset-command.js";
import type { Installation } from "./settings-arguments.js";
import { trainCommand } from "./train-command.js";

/** What the `hyfw` package hands to the command line. */
export interface MainOptions extends Partial<Installation> {
  /** Commands of other packages, loaded only when the core has none of that name, or for the list. */
  readonly commands?: () => Promise<readonly Command[]>;
}

/** Exit codes of `hyfw`. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Runs one command of `hyfw`.
 * @param argv words after the program's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage or settings, 130 interrupted
 */
export async function main(
  argv: readonly string[],
  options: MainOptions = {},
  io: Omit<CommandIo, "signal"> = terminalIo(),
): Promise<number> {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    stop.abort();
    io.err("\nstopping at the next safe place; once more stops at once\n");
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const fullIo: CommandIo = { ...io, signal: stop.signal };
  try {
    await dispatch(argv, options, fullIo);
    return stop.signal.aborted ? EXIT.interrupted : EXIT.done;
  } catch (fault) {
    if (stop.signal.aborted && isAbort(fault)) return EXIT.interrupted;
    io.err(`${formatFault(fault, io)}\n`);
    if (stop.signal.aborted) return EXIT.interrupted;
    return fault instanceof HyfwError && isUsage(fault.code) ? EXIT.usage : EXIT.failed;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function dispatch(argv: readonly string[], options: MainOptions, io: CommandIo): Promise<void> {
  const installation: Installation = {
    presetFolders: options.presetFolders ?? [],
    cudaAvailable: options.cudaAvailable ?? (() => false),
  };
  const own = [trainCommand(installation), configCommand(installation), presetCommand(installation)];
  const [first] = argv;
  const isNamed = first !== undefined && !isFlag(first);
  if (!isNamed && (argv.includes("--version") || argv.includes("-v"))) return io.out(`${CORE_VERSION}\n`);
  const name = isNamed ? first : "train";
  const rest = isNamed ? argv.slice(1) : argv;
  const isHelp = rest.includes("--help") || rest.includes("-h") || name === "help";
  let command = own.find((one) => one.name === name);
  if (command === undefined || (isHelp && !isNamed)) {
    const all = [...own, ...((await options.commands?.()) ?? [])];
    if (name === "help" || (isHelp && !isNamed)) io.out(formatCommands(all));
    if (name === "help") return;
    command = all.find((one) => one.name === name);
    const names = all.map((one) => one.name);
    if (command === undefined) throw commandUnknown(name, suggest(name, names), names);
  }
  if (!isHelp) return command.run(rest, io);
  io.out(
    await command.help(
      rest.filter((word) => word !== "--help" && word !== "-h"),
      io,
    ),
  );
}

function formatCommands(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return `hyfw trains HunyuanDiT. Commands:\n${rows.join("")}\nhyfw COMMAND --help tells more about one. hyfw --version prints the version.\n\n`;
}

/** Faults of what a person wrote: the command line, presets, settings, and the choice of plugins; of any package. */
function isUsage(code: string): boolean {
  if (/_(USAGE|SETTINGS?|PRESET|CONFIG)(_|$)/.test(code)) return true;
  return /^HYFW_(HOOK_(TWICE|MISSING)|PLUGIN_(NOT_FOUND|NEED_MISSING|CYCLE|CORE_RANGE))$/.test(code);
}

function isAbort(fault: unknown): boolean {
  return fault instanceof Error && fault.name === "AbortError";
}

/** The message of an expected error; the stack too for others, which are bugs, and for all with HYFW_DEBUG=1. */
function formatFault(fault: unknown, { env }: Pick<CommandIo, "env">): string {
  if (!(fault instanceof Error)) return String(fault);
  if (fault instanceof HyfwError && env.HYFW_DEBUG !== "1") return fault.message;
  const causes: string[] = [];
  for (let cause = fault.cause; cause instanceof Error && causes.length < 5; cause = cause.cause)
    causes.push(`caused by ${cause.stack ?? cause.message}`);
  return [fault.stack ?? fault.message, ...causes].join("\n");
}

function terminalIo(): Omit<CommandIo, "signal"> {
  const { stdout, stderr, env } = process;
  // A reader such as `head` that closes the pipe early is no failure of the command.
  stdout.on("error", (fault: NodeJS.ErrnoException) => {
    if (fault.code === "EPIPE") process.exit(EXIT.done);
    throw fault;
  });
  const isTerminal = stdout.isTTY === true;
  const hasColour = isTerminal && (env.NO_COLOR ?? "") === "";
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    cwd: process.cwd(),
    env,
    isTerminal,
    bold: (text) => (hasColour ? `\u001b[1m${text}\u001b[22m` : text),
  };
}
