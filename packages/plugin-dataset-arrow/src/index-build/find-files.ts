import { existsSync, readdirSync } from "node:fs";
import { dirname, join, parse, resolve, sep } from "node:path";

/**
 * The files of a path pattern, sorted by code points: `*`, `?` and `[...]` within a folder's name, as in Python's glob; `**` does not
 * descend and names with a leading dot need one in the pattern. A path without such signs is given back when it exists.
 */
export function findFiles(pattern: string): string[] {
  if (existsSync(pattern)) return [pattern];
  const { root } = parse(pattern);
  let found = [root || "."];
  for (const part of pattern.slice(root.length).split(sep)) {
    if (part === "") continue;
    found = found.flatMap((folder) => inFolder(folder, part));
  }
  return found.map((path) => (path.startsWith(`.${sep}`) ? path.slice(2) : path)).sort(byCodePoints);
}

function inFolder(folder: string, part: string): string[] {
  if (!/[*?[]/.test(part)) {
    const path = join(folder, part);
    return existsSync(path) ? [path] : [];
  }
  const matcher = matcherOf(part);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return []; // not a folder
  }
  return names
    .filter((name) => matcher.test(name) && (part.startsWith(".") || !name.startsWith(".")))
    .map((name) => `${folder}${folder.endsWith(sep) ? "" : sep}${name}`);
}

function matcherOf(part: string): RegExp {
  const source = part.replace(/\[!?\]?[^\]]*\]|[\s\S]/g, (piece) => {
    if (piece === "*") return ".*";
    if (piece === "?") return ".";
    if (piece.length > 1) return `[${piece.slice(1, -1).replace(/^!/, "^").replace(/\\/g, "\\\\")}]`;
    return piece.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "su");
}

/** Order of paths by Unicode code points, as Python sorts them; UTF-16 units put rare signs elsewhere. */
export function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

/**
 * Where an Arrow file named in an index lies: relative to the working directory as the official tools take it, else to the index's
 * folder or one above it, so that a data folder can be moved as a whole.
 */
export function locateArrowFile(name: string, indexPath: string): string {
  if (existsSync(name)) return name;
  for (let folder = resolve(dirname(indexPath)); ; folder = dirname(folder)) {
    const path = resolve(folder, name);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return name;
  }
}
