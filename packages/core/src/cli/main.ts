import { CORE_VERSION } from "../core-version.js";
import { HyfwError } from "../define-error.js";
import { commandUnknown } from "../errors/command-line.js";
import { reportFault } from "../launch/report-fault.js";
import { suggest } from "../settings/suggest.js";
import { boardCommand } from "./board-command.js";
import { cacheCommand } from "./cache-command.js";
import type { Command, CommandIo } from "./command.js";
import { configCommand } from "./config-command.js";
import { isFlag } from "./flags.js";
import { planCommand } from "./plan-command.js";
import { presetCommand } from "./preset-command.js";
import { resumeCommand } from "./resume-command.js";
import { sampleCommand } from "./sample-command.js";
import { seeCommand } from "./see-command.js";
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
    io.stderr.write("\nstopping at the next safe place; once more stops at once\n");
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const fullIo: CommandIo = { ...io, signal: stop.signal };
  try {
    const code = await dispatch(argv, options, fullIo);
    return stop.signal.aborted ? EXIT.interrupted : (code ?? EXIT.done);
  } catch (fault) {
    if (stop.signal.aborted && isAbort(fault)) return EXIT.interrupted;
    reportFault(fault, formatFault(fault, io), fullIo);
    if (stop.signal.aborted) return EXIT.interrupted;
    return fault instanceof HyfwError && isUsage(fault.code) ? EXIT.usage : EXIT.failed;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function dispatch(
  argv: readonly string[],
  options: MainOptions,
  io: CommandIo,
): Promise<number | undefined> {
  const installation: Installation = {
    presetFolders: options.presetFolders ?? [],
    cudaAvailable: options.cudaAvailable ?? (() => false),
    ...(options.program !== undefined && { program: options.program }),
  };
  const own: Command[] = [
    trainCommand(installation),
    sampleCommand(installation),
    configCommand(installation),
    presetCommand(installation),
    seeCommand(installation),
    cacheCommand(installation),
    resumeCommand(installation),
    planCommand(installation),
    boardCommand(),
  ];
  const isHelp = argv[0] === "help" || argv.some(isHelpWord);
  const words = argv.filter((word, index) => !isHelpWord(word) && !(index === 0 && word === "help"));
  const isNamed = words[0] !== undefined && !isFlag(words[0]);
  if (!isNamed && (words.includes("--version") || words.includes("-v"))) {
    io.stdout.write(`${CORE_VERSION}\n`);
    return undefined;
  }
  const named = isNamed ? words : ["train", ...words];
  let found = findCommand(named, own);
  if (found === undefined || (isHelp && !isNamed)) {
    const all = [...own, ...((await options.commands?.()) ?? [])];
    if (isHelp && !isNamed) io.stdout.write(formatCommands(all));
    found = findCommand(named, all);
    if (found === undefined) throw unknownCommand(named, all);
  }
  const { command, rest } = found;
  if (!isHelp) return (await command.run(rest, io)) ?? undefined;
  const more = await command.help?.(rest, io);
  const body = more === undefined ? "" : `\n${more}\n`;
  io.stdout.write(`usage: ${command.usage}\n\n${command.summary}\n${body}`);
  return undefined;
}

/** The command whose name, of one word or more, the words begin with; the longest name wins. */
function findCommand(
  words: readonly string[],
  commands: readonly Command[],
): { command: Command; rest: string[] } | undefined {
  const fits = commands.filter(({ name }) => name.split(" ").every((word, index) => words[index] === word));
  const [command] = fits.sort((a, b) => b.name.length - a.name.length);
  return command && { command, rest: words.slice(command.name.split(" ").length) };
}

function unknownCommand(words: readonly string[], commands: readonly Command[]): HyfwError {
  const names = commands.map(({ name }) => name);
  const isGroup = names.some((name) => name.startsWith(`${words[0]} `));
  const written = words.slice(0, isGroup ? 2 : 1).join(" ");
  return commandUnknown(written, suggest(written, names), names);
}

function isHelpWord(word: string): boolean {
  return word === "--help" || word === "-h";
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

/** Codes of the native room that speak of a file which somebody gave. */
const FILE_FAULTS = /^HYFW_(SAFETENSORS|TORCH_FILE)/;

/** The message of an expected error; the stack too for others, which are bugs, and for all with HYFW_DEBUG=1. */
function formatFault(fault: unknown, { env }: Pick<CommandIo, "env">): string {
  if (!(fault instanceof Error)) return String(fault);
  if (env.HYFW_DEBUG !== "1") {
    if (fault instanceof HyfwError) return fault.message;
    const code = "code" in fault && typeof fault.code === "string" ? fault.code : "";
    if (FILE_FAULTS.test(code)) return `${code}: ${fault.message}`;
  }
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
    stdout,
    stderr,
    cwd: process.cwd(),
    env,
    isTerminal,
    bold: (text) => (hasColour ? `\u001b[1m${text}\u001b[22m` : text),
  };
}
