import type { z } from "zod";
import type { Token } from "../hooks/tokens.js";

/** What a plugin's `setup` is handed; the container stays out of sight. */
export interface PluginContext<Options> {
  /** The plugin's own options, checked against its schema, nothing missing. */
  readonly options: Options;
  /** Settings of the core (`run`, `train`, …) that every plugin may read. */
  readonly seed: number;
  /** Folder with published weights, absolute; see `run.modelRoot`. */
  readonly modelRoot: string;
  /** Offers an implementation of a hook. Must be one of the tokens listed in `provides`. */
  provide<T>(token: Token<T>, value: T): void;
  /** What another plugin provides. Must be one of the tokens listed in `needs`; that plugin is set up first. */
  need<T>(token: Token<T>): T;
  /** Registers what this plugin opened; closed last opened first on success, error and interruption. */
  onClose(name: string, close: () => void | Promise<void>): void;
}

/** A plugin as its author writes it: options, a plain function, and the lines that join them. */
export interface PluginDefinition<Schema extends z.ZodType = z.ZodType> {
  /** Short name: the package name without scope and `plugin-`, for example `augmenter-flip`. */
  readonly name: string;
  readonly version: string;
  /** The range of core versions it works with, for example `^0.1.0`. */
  readonly core: string;
  /** A strict zod object; every option has a default or is required, and a `.describe()` sentence with its unit. */
  readonly options: Schema;
  readonly provides: readonly Token<unknown>[];
  readonly needs?: readonly Token<unknown>[];
  setup(context: PluginContext<z.output<Schema>>): void | Promise<void>;
}

/**
 * What may stand beside an option in its schema, as `z.number().meta({ flag: "--lr" })`.
 * `flag` is the command-line spelling (the official trainer's where there is one); `path` marks a path that is
 * resolved against the file that sets it, or the working directory when a flag sets it.
 */
export interface OptionMeta {
  readonly flag?: string;
  /** A flag that takes no value and sets this one: `--no-fp16` sets false. */
  readonly negatedBy?: string;
  readonly path?: boolean;
  /** What the flag sets when no value follows it: `--resume` alone sets "latest". */
  readonly bareValue?: string;
}

/** Shared by all copies of the core in one process, so that a plugin with its own copy is still recognised. */
const PLUGIN_MARK = Symbol.for("hyfw.plugin");

/** Checks a definition's shape at compile time and marks it as a plugin. */
export function definePlugin<Schema extends z.ZodType>(
  definition: PluginDefinition<Schema>,
): PluginDefinition<Schema> {
  return Object.freeze(Object.defineProperty({ ...definition }, PLUGIN_MARK, { value: true }));
}

/** Whether a value was made by `definePlugin`. */
export function isPlugin(value: unknown): value is PluginDefinition {
  return typeof value === "object" && value !== null && Object.hasOwn(value, PLUGIN_MARK);
}
