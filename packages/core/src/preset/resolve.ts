import type { z } from "zod";
import type { HyfwError } from "../define-error.js";
import type { NamedPlugin } from "../plugin/load.js";
import { defaultsOf, optionOf, schemaAt } from "../settings/options.js";
import { asMap, formatPath, isPlainObject, parsePath, type SettingPath, valueAt } from "../settings/path.js";
import { DELETE, type Settings, SettingsSchema } from "../settings/schema.js";
import { type CheckFacts, throwProblems, toProblems } from "./check.js";
import { checkPhases } from "./check-phases.js";
import { type Layer, makeLayer, nest } from "./layer.js";
import { type LoadedSettings, loadSettings, type SettingsRequest } from "./load-settings.js";
import { type MergedNode, mergeLayers, originAt, plainValue } from "./merge.js";
import type { Origin } from "./origin.js";
import { PathOptions } from "./path-options.js";
import { readWord } from "./words.js";

/** A plugin of a run with its checked options. */
export interface ResolvedPlugin extends NamedPlugin {
  readonly options: unknown;
}

/** One value of the settings and who set it. Lists are one value. */
export interface SettingLeaf {
  readonly path: string;
  readonly value: unknown;
  readonly origin: Origin;
}

/** Checked settings that know where every value comes from. Same files and flags give the same hash. */
export interface ResolvedSettings {
  readonly settings: Settings;
  /** In preset order; `openRun` puts what they need first. */
  readonly plugins: readonly ResolvedPlugin[];
  readonly cwd: string;
  /** Who set the value at a dotted path; undefined when nothing sets it and it has no default. */
  origin(path: string): Origin | undefined;
  /** Every value, in the order of the schemas. */
  leaves(): readonly SettingLeaf[];
  /** sha256 over all values, paths taken relative to the working directory, as 64 hexadecimal digits. */
  readonly hash: string;
}

/** Reads, merges and checks settings: `loadSettings` and `checkSettings` in one. */
export async function resolveSettings(request: SettingsRequest): Promise<ResolvedSettings> {
  return checkSettings(await loadSettings(request), []);
}

/**
 * Lays flags over loaded settings and checks every value against its schema.
 * @throws one HYFW_SETTING_* or HYFW_PLUGIN_* error, or HYFW_SETTINGS listing all of them
 */
export function checkSettings(loaded: LoadedSettings, flags: readonly Layer[]): ResolvedSettings {
  const { cwd, plugins } = loaded;
  const merged = mergeLayers([
    makeLayer("default", "core", cwd, defaultsOf(SettingsSchema)),
    ...plugins.map(({ name, definition }) =>
      makeLayer("default", `plugin ${name}`, cwd, nest(["plugins", name], defaultsOf(definition.options))),
    ),
    ...loaded.layers.map((layer) => rereadWord(layer, plugins)),
    ...flags,
  ]);
  const paths = new PathOptions(plugins, cwd);
  const plain = merged === undefined ? {} : plainValue(merged, (leaf) => paths.read(leaf));
  const problems: HyfwError[] = [...loaded.problems];
  const check = <S extends z.ZodType>(
    schema: S,
    value: unknown,
    facts: Omit<CheckFacts, "schema" | "merged" | "cwd">,
  ): z.output<S> | undefined => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    problems.push(...toProblems(parsed.error, value, { ...facts, schema, merged, cwd }));
    return undefined;
  };
  const core = check(SettingsSchema, plain, { prefix: [], owner: "core" });
  const checked = plugins.map((plugin) => {
    const written = valueAt(plain, ["plugins", plugin.name]) ?? {};
    const facts = { prefix: ["plugins", plugin.name], owner: `plugin ${plugin.name}` };
    return { ...plugin, written, options: check(plugin.definition.options, written, facts) };
  });
  const phases = core && checkPhases(core.phases, checked, { check, merged, cwd, problems });
  throwProblems(problems);
  if (core === undefined || phases === undefined) throw new Error("settings failed without a problem");
  const options = Object.fromEntries(checked.map((plugin) => [plugin.name, asMap(plugin.options)]));
  const settings: Settings = { ...core, phases, plugins: options };
  return describeSettings({ settings, plugins: checked, cwd, merged, hash: paths.hash(settings) });
}

/**
 * Reads the word of a `--set` again, now that the option's schema is known: `run.name=007` stays text, and one value for
 * a list option is a list of one.
 */
function rereadWord(layer: Layer, plugins: readonly NamedPlugin[]): Layer {
  if (layer.written === undefined || layer.written.text === DELETE) return layer;
  const { path, text } = layer.written;
  const schema = schemaOf(path, plugins);
  if (schema === undefined) return layer;
  const option = optionOf(schema, path);
  const value = readWord(text, option.list === undefined ? option : undefined);
  const isLoneValue = option.list === "always" && !Array.isArray(value) && value !== null;
  return { ...layer, value: nest(path, isLoneValue ? [readWord(text, option)] : value) };
}

/** The schema of a setting, among the core's and the plugins'. */
function schemaOf(path: SettingPath, plugins: readonly NamedPlugin[]): z.ZodType | undefined {
  if (path[0] !== "plugins" || path.length < 3) return schemaAt(SettingsSchema, path);
  const plugin = plugins.find(({ name }) => name === path[1]);
  return plugin === undefined ? undefined : schemaAt(plugin.definition.options, path.slice(2));
}

function describeSettings(facts: {
  settings: Settings;
  plugins: readonly ResolvedPlugin[];
  cwd: string;
  merged: MergedNode | undefined;
  hash: string;
}): ResolvedSettings {
  const { settings, plugins, cwd, merged, hash } = facts;
  const defaultOrigin = (path: SettingPath, value: unknown): Origin => ({
    layer: "default",
    name: path[0] === "plugins" && path.length > 2 ? `plugin ${path[1]}` : "core",
    value,
  });
  const originOf = (path: SettingPath): Origin | undefined => {
    const found = originAt(merged, path);
    if (found !== undefined) return found;
    const value = valueAt(settings, path);
    return value === undefined ? undefined : defaultOrigin(path, value);
  };
  const collect = (value: unknown, path: SettingPath): SettingLeaf[] => {
    if (value === undefined) return [];
    const isBranch = isPlainObject(value) && Object.keys(value).length > 0;
    if (isBranch) return Object.entries(value).flatMap(([key, child]) => collect(child, [...path, key]));
    return [{ path: formatPath(path), value, origin: originOf(path) ?? defaultOrigin(path, value) }];
  };
  return {
    settings,
    plugins,
    cwd,
    hash,
    origin: (text) => {
      const path = parsePath(text);
      return path === undefined ? undefined : originOf(path);
    },
    leaves: () => collect(settings, []),
  };
}
