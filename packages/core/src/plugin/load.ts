import { pathToFileURL } from "node:url";
import semver from "semver";
import { CORE_VERSION } from "../core-version.js";
import { pluginCoreRange, pluginFailed, pluginNotFound, pluginShape } from "../errors/plugins.js";
import { importCode } from "../preset/import-code.js";
import { formatOrigin, type Origin } from "../preset/origin.js";
import { isPlugin, type PluginDefinition } from "./define-plugin.js";
import { findPlugin } from "./find.js";

/** A plugin that the settings name and whose module is loaded; its options are not checked yet. */
export interface NamedPlugin {
  /** Its key under `plugins`: a short name or a path. */
  readonly name: string;
  readonly definition: PluginDefinition;
  readonly file: string;
  /** Who named it first. */
  readonly origin: Origin;
}

/**
 * Loads the module of one plugin and checks what can be known without its options.
 * @param from folders that packages are looked up from
 * @throws HYFW_PLUGIN_NOT_FOUND, HYFW_PLUGIN_FAILED, HYFW_PLUGIN_SHAPE, HYFW_PLUGIN_CORE_RANGE
 */
export async function loadPlugin(
  name: string,
  origin: Origin,
  { cwd, from }: { cwd: string; from: readonly string[] },
): Promise<NamedPlugin> {
  const setBy = formatOrigin(origin, cwd);
  const found = findPlugin(name, cwd, from);
  if ("tried" in found) throw pluginNotFound(name, setBy, found.tried, undefined);
  const { file, isPath } = found;
  let exported: unknown;
  try {
    exported = isPath ? await importCode(file) : await importDefault(file);
  } catch (cause) {
    throw pluginFailed(name, "load", setBy, cause);
  }
  if (!isPlugin(exported)) throw pluginShape(name, file, exported);
  if (!semver.satisfies(CORE_VERSION, exported.core, { includePrerelease: true }))
    throw pluginCoreRange(name, exported.version, exported.core, CORE_VERSION, setBy);
  return { name, definition: exported, file, origin };
}

async function importDefault(file: string): Promise<unknown> {
  const module: { default?: unknown } = await import(pathToFileURL(file).href);
  return module.default;
}
