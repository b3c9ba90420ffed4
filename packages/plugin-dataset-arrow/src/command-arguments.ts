import { commandUsage } from "./errors.js";

/** A command of the `hyfw` program. */
export interface Command {
  /** The words after `hyfw`, for example `index base`. */
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  /** @returns the exit code: 0 done, 1 failed, 2 wrong usage */
  run(args: string[], io: CommandIo): Promise<number>;
}

/** Where a command prints. */
export interface CommandIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** Arguments split into plain ones and flags with their values. */
export interface Arguments {
  readonly plain: readonly string[];
  /** Values of a flag, in order; undefined when it is absent. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

/** What a flag takes: nothing, one value, or all up to the next flag. */
export type FlagShape = "none" | "one" | "many";

/** @throws HYFW_DATA_USAGE for an unknown flag or a missing value */
export function parseArguments(
  args: readonly string[],
  shapes: Readonly<Record<string, FlagShape>>,
  usage: string,
): Arguments {
  const plain: string[] = [];
  const flags = new Map<string, string[]>();
  for (let i = 0; i < args.length; ) {
    const [name = "", inline] = splitOnce(args[i++] as string);
    if (!name.startsWith("--")) {
      plain.push(args[i - 1] as string);
      continue;
    }
    const shape = shapes[name];
    if (shape === undefined)
      throw commandUsage(`unknown flag ${name}; there are ${Object.keys(shapes).join(", ")}`, usage);
    const values = inline === undefined ? [] : [inline];
    const most = shape === "none" ? 0 : shape === "one" ? 1 : Number.POSITIVE_INFINITY;
    while (inline === undefined && values.length < most && i < args.length && !args[i]?.startsWith("--"))
      values.push(args[i++] as string);
    if (most > 0 && values.length === 0) throw commandUsage(`${name} needs a value`, usage);
    if (most === 0 && values.length > 0) throw commandUsage(`${name} takes no value`, usage);
    flags.set(name, [...(flags.get(name) ?? []), ...values]);
  }
  return { plain, flags };
}

function splitOnce(argument: string): [string, string?] {
  const at = argument.startsWith("--") ? argument.indexOf("=") : -1;
  return at < 0 ? [argument] : [argument.slice(0, at), argument.slice(at + 1)];
}

/** The last value of a flag. */
export function one({ flags }: Arguments, name: string): string | undefined {
  return flags.get(name)?.at(-1);
}

/** The one value of a flag that must be there. */
export function required(args: Arguments, name: string, usage: string): string {
  const value = one(args, name);
  if (value === undefined) throw commandUsage(`${name} is missing`, usage);
  return value;
}

/** The value of a flag as a whole number of at least `least`. */
export function whole(
  args: Arguments,
  name: string,
  { least, usage }: { least: number; usage: string },
): number | undefined {
  const value = one(args, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least)
    throw commandUsage(
      `${name} needs a whole number of at least ${least}, found ${JSON.stringify(value)}`,
      usage,
    );
  return number;
}
