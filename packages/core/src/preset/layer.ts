import type { SettingPath } from "../settings/path.js";
import type { LayerKind } from "./origin.js";

/** One set of values on its way into the settings, with what it knows of its source. */
export interface Layer {
  readonly layer: LayerKind;
  readonly name: string;
  readonly file?: string;
  /** Folder that its relative paths start from. */
  readonly dir: string;
  readonly value: unknown;
  /** Line of the value at `path` in the layer's file, from 1. */
  readonly locate: (path: SettingPath) => number | undefined;
  /** Set by a word of the command line; read again by the option's own rules once its schema is known. */
  readonly written?: { readonly path: SettingPath; readonly text: string };
}

/** A layer that is not read from a file: a flag, `--set`, or defaults. */
export function makeLayer(layer: LayerKind, name: string, dir: string, value: unknown): Layer {
  return { layer, name, dir, value, locate: () => undefined };
}

/** A tree that holds one value at `path`. */
export function nest(path: SettingPath, value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value);
}
