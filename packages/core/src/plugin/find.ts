import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, relative, resolve, sep } from "node:path";

/** Where a plugin's module is, or the names under which it was looked for. */
export type FoundPlugin = { readonly file: string; readonly isPath: boolean } | { readonly tried: string[] };

/**
 * Finds the module of a plugin: a path (`./flip.ts`, from the working directory), else `@hyfw/plugin-NAME`,
 * `hyfw-plugin-NAME`, or a package of that very name.
 * @param from folders that packages are looked up from, first match wins; the core's own place is tried last, for hyfw's own plugins first
 */
export function findPlugin(name: string, cwd: string, from: readonly string[]): FoundPlugin {
  if (isPluginPath(name)) {
    const file = resolve(cwd, name);
    return existsSync(file) ? { file, isPath: true } : { tried: [file] };
  }
  const packages = name.startsWith("@") ? [name] : [`@hyfw/plugin-${name}`, `hyfw-plugin-${name}`, name];
  const given = from.map((dir) => `${dir}/`);
  for (const candidate of packages) {
    // hyfw's own plugins come from where this core is: two copies of its addon cannot be in one process.
    const isOwn = candidate.startsWith("@hyfw/");
    for (const place of isOwn ? [import.meta.url, ...given] : [...given, import.meta.url]) {
      const file = resolvePackage(candidate, place);
      if (file !== undefined) return { file, isPath: false };
    }
  }
  return { tried: packages };
}

/** Whether a plugin is named by its file. */
export function isPluginPath(name: string): boolean {
  return /^\.{1,2}[/\\]/.test(name) || isAbsolute(name);
}

/** The spelling of a plugin path that means the same from the working directory as `name` does from `dir`. */
export function rebasePluginPath(name: string, dir: string, cwd: string): string {
  const short = relative(cwd, resolve(dir, name)).split(sep).join("/");
  return short.startsWith("../") ? short : `./${short}`;
}

function resolvePackage(name: string, from: string): string | undefined {
  try {
    const file = createRequire(from).resolve(name);
    // Node's own modules resolve to their bare name; no plugin is called `path`.
    return isAbsolute(file) ? file : undefined;
  } catch {
    return undefined;
  }
}
