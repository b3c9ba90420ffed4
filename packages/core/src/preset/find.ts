import { existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, extname, isAbsolute, join, resolve } from "node:path";
import { presetNotData, presetNotFound } from "../errors/settings.js";
import { suggest } from "../settings/suggest.js";

const EXTENSIONS = [".yaml", ".yml", ".json"];

/** Where preset names are looked up. */
export interface PresetPlaces {
  /** Folders that hold presets by name, first match wins: the project's, then hyfw's own. */
  readonly folders: readonly string[];
}

/**
 * Finds the file behind a preset name: a path, a name in a presets folder, or an npm package.
 * @param from the file that names it, or a folder ending in a separator for a command line
 * @throws HYFW_PRESET_NOT_FOUND, HYFW_PRESET_NOT_DATA
 */
export function findPreset(name: string, from: string, places: PresetPlaces, namedBy: string): string {
  if (isPathLike(name)) return findByPath(name, from, namedBy);
  const folders = [...(from.endsWith("/") ? [] : [dirname(from)]), ...places.folders];
  for (const folder of folders) {
    const file = withExtension(join(folder, name));
    if (file !== undefined) return file;
  }
  const packages = packageNames(name);
  for (const candidate of packages) {
    const file = resolvePackage(candidate, from);
    if (file !== undefined) return asData(file, name, namedBy);
  }
  const known = listPresets(places).map((preset) => preset.name);
  throw presetNotFound(name, namedBy, suggest(name, known), known, [...folders, ...packages]);
}

/** Names and files of the presets in the presets folders; a name in an earlier folder hides a later one. */
export function listPresets(places: PresetPlaces): { name: string; file: string }[] {
  const found = new Map<string, string>();
  for (const folder of places.folders) {
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder).sort()) {
      const name = basename(entry, extname(entry));
      const isData = EXTENSIONS.includes(extname(entry)) && !entry.endsWith(".schema.json");
      if (isData && !found.has(name)) found.set(name, join(folder, entry));
    }
  }
  return [...found].map(([name, file]) => ({ name, file }));
}

/** Whether a name is a path by its looks: `./x`, `../x`, `/x`, or `x.yaml`. */
function isPathLike(name: string): boolean {
  return /^\.{1,2}([/\\]|$)/.test(name) || isAbsolute(name) || EXTENSIONS.includes(extname(name));
}

function findByPath(name: string, from: string, namedBy: string): string {
  const path = resolve(from.endsWith("/") ? from : dirname(from), name);
  const file = withExtension(path);
  if (file === undefined) throw presetNotFound(name, namedBy, undefined, [], [path]);
  return asData(file, name, namedBy);
}

function withExtension(path: string): string | undefined {
  return [path, ...EXTENSIONS.map((extension) => path + extension)].find(
    (file) => existsSync(file) && statSync(file).isFile(),
  );
}

function asData(file: string, name: string, namedBy: string): string {
  if (!EXTENSIONS.includes(extname(file))) throw presetNotData(name, file, namedBy);
  return file;
}

/** npm packages that a short name may stand for: `x`, `@scope/x`, `@scope`. */
function packageNames(name: string): string[] {
  const [scope, rest] = name.split("/", 2);
  if (!name.startsWith("@")) return [`hyfw-preset-${name}`, name];
  if (rest === undefined) return [`${scope}/hyfw-preset`];
  return [name, `${scope}/hyfw-preset-${rest}`];
}

function resolvePackage(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined;
  }
}
