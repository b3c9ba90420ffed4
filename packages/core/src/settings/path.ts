/** Place of a setting as its keys, outermost first. Numbers are places in a list. */
export type SettingPath = readonly (string | number)[];

/** The dotted spelling, `train.lr`; a key with a dot of its own is quoted: `plugins."./flip.ts".probability`. */
export function formatPath(path: SettingPath): string {
  return path
    .map((key) => (typeof key === "string" && /[."\s]/.test(key) ? JSON.stringify(key) : key))
    .join(".");
}

/** The keys of a dotted spelling; undefined when a key is empty or a quote is not closed. */
export function parsePath(text: string): string[] | undefined {
  const keys: string[] = [];
  const key = /"((?:[^"\\]|\\.)*)"|([^."]+)/y;
  while (key.lastIndex < text.length || keys.length === 0) {
    const found = key.exec(text);
    if (found === null) return undefined;
    keys.push(found[2] ?? (found[1] ?? "").replace(/\\(.)/g, "$1"));
    if (key.lastIndex === text.length) return keys;
    if (text[key.lastIndex] !== ".") return undefined;
    key.lastIndex += 1;
  }
  return undefined;
}

/** The value at a path of a tree of plain maps and lists; undefined when there is none. */
export function valueAt(value: unknown, path: SettingPath): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.getOwnPropertyDescriptor(current, key)?.value;
  }
  return current;
}

/** An object literal as YAML, JSON and config files give it, not an instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Config files that jiti runs may come from another realm, so compare by shape and not by identity.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A value as a map of settings; an empty one when it is none. */
export function asMap(value: unknown): Record<string, unknown> {
  return isPlainObject(value) ? value : {};
}
