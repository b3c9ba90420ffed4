import { dirname, join } from "node:path";
import { HyfwError } from "../define-error.js";
import { requirementsMissing, settingSyntax } from "../errors/settings.js";
import { findPlugin, isPluginPath, rebasePluginPath } from "../plugin/find.js";
import { loadPlugin, type NamedPlugin } from "../plugin/load.js";
import { isPlainObject, parsePath, type SettingPath } from "../settings/path.js";
import { RequireSettings } from "../settings/schema.js";
import { readConfigFile } from "./config-file.js";
import type { PresetPlaces } from "./find.js";
import { type Layer, makeLayer, nest } from "./layer.js";
import { PresetStack } from "./load.js";
import { type MergedNode, mergeLayers, nodeAt, originAt, plainValue } from "./merge.js";
import { formatOrigin } from "./origin.js";
import { readWord } from "./words.js";

/** What settings are made from. */
export interface SettingsRequest {
  /** Working directory: where the config file is searched and where paths of flags and defaults start. */
  readonly cwd: string;
  /** Presets of the command line, weakest first. */
  readonly presets?: readonly string[];
  /** hyfw's own presets folder; the project's `presets/` is looked through before it. */
  readonly presetFolders?: readonly string[];
  /** A config file instead of the one found by searching; false reads none. */
  readonly config?: string | false;
  /** `key=value` of each `--set`, weakest first. */
  readonly sets?: readonly string[];
  /** Whether a CUDA GPU can be used. When given, `requires` is checked before any plugin is loaded. */
  readonly cudaAvailable?: () => boolean | Promise<boolean>;
}

/** Layers and plugins of a run whose values are not checked yet; `checkSettings` does that. */
export interface LoadedSettings {
  readonly cwd: string;
  readonly places: PresetPlaces;
  readonly layers: readonly Layer[];
  /** In preset order. */
  readonly plugins: readonly NamedPlugin[];
  /** Plugins that could not be loaded; reported together with wrong settings. */
  readonly problems: readonly HyfwError[];
  /** Plugins that are not installed and that the settings say they need, with what is set for them. */
  readonly absent: readonly AbsentPlugin[];
}

/** A plugin that is needed and not installed. */
export interface AbsentPlugin {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Reads presets, config file and `--set`, and loads the plugins that they name. Opens and changes nothing.
 * @throws HYFW_PRESET_*, HYFW_CONFIG_*, HYFW_SETTING_SYNTAX, HYFW_REQUIRES
 */
export async function loadSettings(request: SettingsRequest): Promise<LoadedSettings> {
  const { cwd } = request;
  const config =
    request.config === false ? undefined : await readConfigFile(cwd, request.config || undefined);
  const project = config === undefined ? cwd : dirname(config.file);
  const folders = [
    ...new Set([join(cwd, "presets"), join(project, "presets"), ...(request.presetFolders ?? [])]),
  ];
  const places = { folders };
  const stack = new PresetStack(places);
  // What the config file extends is weaker than the presets of the command line; its own values are stronger.
  const configLayer = config === undefined ? undefined : stack.addExtends(config);
  for (const name of request.presets ?? []) stack.add(name, `${cwd}/`, `--preset ${name}`);
  if (configLayer !== undefined) stack.layers.push(configLayer);
  const sets = (request.sets ?? []).map((text) => setLayer(text, cwd));
  const layers = [...stack.layers, ...sets].map((layer) => rebasePlugins(layer, cwd));
  const merged = mergeLayers(layers);
  await checkRequires(merged, request);
  const { plugins, problems } = await loadPlugins(merged, cwd);
  return { cwd, places, layers, plugins, problems, absent: absentPlugins(merged, plugins) };
}

/** One `--set key=value`; the value is read as YAML, so that numbers, lists and maps can be written. */
function setLayer(text: string, cwd: string): Layer {
  const at = text.indexOf("=");
  const path = at < 1 ? undefined : parsePath(text.slice(0, at));
  if (path === undefined) throw settingSyntax(text);
  const written = text.slice(at + 1);
  const value = readWord(written, undefined);
  return { ...makeLayer("set", `--set ${text}`, cwd, nest(path, value)), written: { path, text: written } };
}

/** Gives plugins that are named by a path the same spelling in every layer, whatever folder the layer lies in. */
function rebasePlugins(layer: Layer, cwd: string): Layer {
  const { value, locate } = layer;
  if (!isPlainObject(value) || !isPlainObject(value.plugins)) return layer;
  if (!Object.keys(value.plugins).some(isPluginPath)) return layer;
  const spelling = new Map<string, string>();
  const plugins = Object.entries(value.plugins).map(([name, options]) => {
    const key = isPluginPath(name) ? rebasePluginPath(name, layer.dir, cwd) : name;
    spelling.set(key, name);
    return [key, options] as const;
  });
  const asWritten = (path: SettingPath): SettingPath =>
    path[0] === "plugins" && path.length > 1
      ? ["plugins", spelling.get(String(path[1])) ?? String(path[1]), ...path.slice(2)]
      : path;
  return {
    ...layer,
    value: { ...value, plugins: Object.fromEntries(plugins) },
    locate: (path) => locate(asWritten(path)),
  };
}

/** Stops before anything is loaded when the machine or the installation lacks what a preset says it needs. */
async function checkRequires(merged: MergedNode | undefined, request: SettingsRequest): Promise<void> {
  const { cwd, cudaAvailable } = request;
  const node = nodeAt(merged, ["requires"]);
  if (cudaAvailable === undefined || node === undefined || node.depth === 0) return;
  const parsed = RequireSettings.safeParse(plainValue(node.node));
  if (!parsed.success) return;
  const missing: string[] = [];
  if (parsed.data.cuda && !(await cudaAvailable()))
    missing.push("a CUDA GPU that this build of hyfw can use");
  const absent = parsed.data.plugins.filter(
    (name) => "tried" in findPlugin(name, cwd, [node.node.layer.dir]),
  );
  if (absent.length > 0) missing.push(`plugins that are not installed: ${absent.join(", ")}`);
  if (missing.length > 0) throw requirementsMissing(missing, formatOrigin(node.node.origin, cwd));
}

/** Needed plugins that were not loaded although the settings have them. */
function absentPlugins(merged: MergedNode | undefined, plugins: readonly NamedPlugin[]): AbsentPlugin[] {
  const valueIn = (path: SettingPath): unknown => {
    const found = nodeAt(merged, path);
    return found?.depth === path.length ? plainValue(found.node) : undefined;
  };
  const requires = RequireSettings.safeParse(valueIn(["requires"]) ?? {});
  const needed = requires.success ? requires.data.plugins : [];
  return needed.flatMap((name): AbsentPlugin[] => {
    const options = valueIn(["plugins", name]);
    const isLoaded = plugins.some((plugin) => plugin.name === name);
    return isLoaded || options === undefined
      ? []
      : [{ name, options: isPlainObject(options) ? options : {} }];
  });
}

async function loadPlugins(
  merged: MergedNode | undefined,
  cwd: string,
): Promise<{ plugins: NamedPlugin[]; problems: HyfwError[] }> {
  const plugins: NamedPlugin[] = [];
  const problems: HyfwError[] = [];
  const found = nodeAt(merged, ["plugins"]);
  const named = found?.depth === 1 ? (found.node.children ?? []) : [];
  for (const [name, node] of named) {
    const origin = originAt(merged, ["plugins", name]);
    if (node.children === undefined || node.isRemoved === true || origin === undefined) continue;
    try {
      plugins.push(await loadPlugin(name, origin, { cwd, from: [node.layer.dir, cwd] }));
    } catch (fault) {
      if (!(fault instanceof HyfwError)) throw fault;
      problems.push(fault);
    }
  }
  return { plugins, problems };
}
