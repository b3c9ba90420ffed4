import { presetCycle, presetExtends, presetShape } from "../errors/settings.js";
import { isPlainObject, type SettingPath } from "../settings/path.js";
import { findPreset, type PresetPlaces } from "./find.js";
import type { Layer } from "./layer.js";
import type { LayerKind } from "./origin.js";
import { readSource } from "./source.js";

/**
 * Reads presets and everything that they extend, weakest first. A file that several of them extend is laid once, at
 * its first place, so that a shared base never undoes what a preset between them changed.
 */
export class PresetStack {
  readonly layers: Layer[] = [];
  private readonly laid = new Set<string>();

  constructor(private readonly places: PresetPlaces) {}

  /**
   * Lays one preset after its own `extends`.
   * @param from the file that names it, or a folder ending in `/`
   * @param namedBy that place in words
   * @param chain files that led here, outermost first
   * @throws HYFW_PRESET_CYCLE naming the chain
   */
  add(name: string, from: string, namedBy: string, chain: readonly string[] = []): void {
    const file = findPreset(name, from, this.places, namedBy);
    if (chain.includes(file)) throw presetCycle([...chain.slice(chain.indexOf(file)), file]);
    if (this.laid.has(file)) return;
    const { value, locate } = readSource(file);
    this.addValue({ layer: "preset", name, file, value, locate }, [...chain, file]);
    this.laid.add(file);
  }

  /** Lays a value that is already read, after its own `extends`. */
  addValue(source: FileValue, chain: readonly string[] = [source.file]): void {
    const own = this.addExtends(source, chain);
    this.layers.push(own);
  }

  /** Lays only what a value extends, and returns the value's own layer for the caller to place. */
  addExtends(source: FileValue, chain: readonly string[] = [source.file]): Layer {
    const { file, value, locate } = source;
    if (value !== null && !isPlainObject(value)) throw presetShape(file, value);
    // `$schema` is for the editor of a JSON file.
    const { extends: listed, $schema: _schema, ...own } = value ?? {};
    const dir = file.slice(0, file.lastIndexOf("/") + 1);
    for (const [index, entry] of namesIn(listed, file).entries()) {
      const line = locate(["extends", index]) ?? locate(["extends"]);
      this.add(entry, file, line === undefined ? file : `${file}:${line}`, chain);
    }
    return { layer: source.layer, name: source.name, file, dir, value: own, locate };
  }
}

/** A preset or config file that has been read. */
export interface FileValue {
  readonly layer: LayerKind;
  readonly name: string;
  readonly file: string;
  readonly value: unknown;
  readonly locate: (path: SettingPath) => number | undefined;
}

function namesIn(listed: unknown, file: string): string[] {
  if (listed === undefined || listed === null) return [];
  const names: unknown[] = Array.isArray(listed) ? listed : [listed];
  return names.map((name) => {
    if (typeof name !== "string" || name === "") throw presetExtends(file, name);
    return name;
  });
}
