import { createHash } from "node:crypto";
import { relative, resolve, sep } from "node:path";
import { DATASET } from "../hooks/dataset.js";
import { isPluginPath, rebasePluginPath } from "../plugin/find.js";
import type { NamedPlugin } from "../plugin/load.js";
import { listOptions, type Option } from "../settings/options.js";
import { formatPath, isPlainObject } from "../settings/path.js";
import { type Settings, SettingsSchema } from "../settings/schema.js";
import type { MergedNode } from "./merge.js";

/** Options that hold paths: they start from the folder of whoever set them, and are hashed without that folder. */
export class PathOptions {
  private readonly options = new Set<string>();
  private readonly dataOptions: readonly Option[];
  private readonly pluginOptions: ReadonlyMap<string, readonly Option[]>;
  private readonly portable = new Map<string, string>();

  constructor(
    plugins: readonly NamedPlugin[],
    private readonly cwd: string,
  ) {
    const own = plugins.flatMap(({ name, definition }) => listOptions(definition.options, ["plugins", name]));
    for (const option of [...listOptions(SettingsSchema), ...own])
      if (option.meta.path === true) this.options.add(formatPath(option.path));
    this.pluginOptions = new Map(
      plugins.map(({ name, definition }) => [name, listOptions(definition.options)]),
    );
    const dataset = plugins.find(isDataset);
    this.dataOptions = dataset === undefined ? [] : listOptions(dataset.definition.options);
  }

  /** The value of a leaf, absolute where it is a path. */
  read(leaf: MergedNode): unknown {
    if (this.options.has(formatPath(leaf.path))) return this.absolute(leaf.value, leaf.layer.dir);
    if (formatPath(leaf.path) !== "phases" || !Array.isArray(leaf.value)) return leaf.value;
    return leaf.value.map((phase: unknown) => this.inPhase(phase, leaf.layer.dir));
  }

  /** A phase, or a data set of a mixed one, with absolute paths. */
  private inPhase(phase: unknown, dir: string): unknown {
    if (!isPlainObject(phase)) return phase;
    const { data, plugins, mix } = phase;
    return {
      ...phase,
      ...(isPlainObject(data) && { data: this.inOptions(data, this.dataOptions, dir) }),
      ...(isPlainObject(plugins) && {
        plugins: Object.fromEntries(
          Object.entries(plugins).map(([written, options]) => {
            const name = isPluginPath(written) ? rebasePluginPath(written, dir, this.cwd) : written;
            const known = this.pluginOptions.get(name) ?? [];
            return [name, isPlainObject(options) ? this.inOptions(options, known, dir) : options];
          }),
        ),
      }),
      ...(Array.isArray(mix) && { mix: mix.map((source: unknown) => this.inPhase(source, dir)) }),
    };
  }

  private inOptions(
    given: Readonly<Record<string, unknown>>,
    options: readonly Option[],
    dir: string,
  ): Record<string, unknown> {
    const read = { ...given };
    for (const { path, meta } of options) {
      const key = String(path[0]);
      if (meta.path === true && path.length === 1 && Object.hasOwn(read, key))
        read[key] = this.absolute(read[key], dir);
    }
    return read;
  }

  /** sha256 over settings whose paths this object made absolute. */
  hash(settings: Settings): string {
    const text = JSON.stringify(settings, (_key, value: unknown) =>
      typeof value === "string" ? (this.portable.get(value) ?? value) : value,
    );
    return createHash("sha256").update(text).digest("hex");
  }

  private absolute(value: unknown, dir: string): unknown {
    if (Array.isArray(value)) return value.map((one) => this.absolute(one, dir));
    if (typeof value !== "string" || value === "") return value;
    const path = resolve(dir, value);
    this.portable.set(path, relative(this.cwd, path).split(sep).join("/"));
    return path;
  }
}

/** Whether a plugin is the one whose options the phases lay their data over. */
export function isDataset({ definition }: NamedPlugin): boolean {
  return definition.provides.some(({ key }) => key === DATASET.key);
}
