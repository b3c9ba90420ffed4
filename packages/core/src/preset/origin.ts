import { isAbsolute, relative, sep } from "node:path";
import { isPlainObject } from "../settings/path.js";

/** Kinds of places that a setting can be set in, weakest first. */
export type LayerKind = "default" | "preset" | "config" | "set" | "flag";

/** Who set a value, and whose value that replaced. */
export interface Origin {
  readonly layer: LayerKind;
  /** The schema, preset or flag that set it: `core`, `base`, `--lr`. */
  readonly name: string;
  /** The value as that layer wrote it. */
  readonly value: unknown;
  /** Absolute path of the file that set it. */
  readonly file?: string;
  /** Line in that file, from 1; absent for code (`hyfw.config.ts`), whose lines are not known. */
  readonly line?: number;
  readonly overrode?: Origin;
}

/** A file as a reader wants it: relative to the working directory when it lies below, with forward slashes. */
export function displayPath(file: string, cwd: string): string {
  const short = relative(cwd, file);
  if (short === "" || short.startsWith("..") || isAbsolute(short)) return file;
  return short.split(sep).join("/");
}

/** Where a value comes from, without what it replaced: `presets/base.yaml:12`, `--lr`, `default of core`. */
export function formatPlace(origin: Origin, cwd: string): string {
  if (origin.layer === "default") return `default of ${origin.name}`;
  if (origin.file === undefined) return origin.name;
  const file = displayPath(origin.file, cwd);
  return origin.line === undefined ? file : `${file}:${origin.line}`;
}

/**
 * Where a value comes from and whom it replaced: `presets/porcelain.yaml:3 (over presets/base.yaml:12)`. A replaced
 * default is left out, since every value replaces one; `config why` prints the whole chain.
 */
export function formatOrigin(origin: Origin, cwd: string): string {
  const place = formatPlace(origin, cwd);
  const { overrode } = origin;
  if (overrode === undefined || overrode.layer === "default") return place;
  return `${place} (over ${formatPlace(overrode, cwd)})`;
}

/** A value with the paths below the working directory as a person would write them there. */
export function displayValue(value: unknown, cwd: string): unknown {
  if (Array.isArray(value)) return value.map((one) => displayValue(one, cwd));
  if (isPlainObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, displayValue(child, cwd)]));
  return typeof value === "string" && value.startsWith(`${cwd}/`) ? displayPath(value, cwd) : value;
}
