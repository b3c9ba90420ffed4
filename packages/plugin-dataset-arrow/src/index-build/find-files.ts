import { existsSync, readdirSync } from "node:fs";
import { dirname, isAbsolute, join, parse, resolve, sep } from "node:path";

/**
 * The files of a path pattern, sorted by code points: `*`, `?` and `[...]` within a folder's name, as in Python's glob; `**` does not
 * descend and names with a leading dot need one in the pattern. A path without such signs is given back when it exists.
 * @param base folder that a relative pattern starts at; the paths found are relative as the pattern is
 */
export function findFiles(pattern: string, base = "."): string[] {
  if (pattern === "") return [];
  if (existsSync(resolve(base, pattern))) return [pattern];
  const { root } = parse(pattern);
  const start = root || /^(\.\/)*/.exec(pattern)?.[0] || "";
  let found = [start];
  for (const part of pattern.slice(start.length).split(sep)) {
    if (part === "") continue;
    found = found.flatMap((folder) => inFolder(folder, part, base));
  }
  return found.sort(byCodePoints);
}

function inFolder(folder: string, part: string, base: string): string[] {
  const inside = (name: string): string =>
    folder === "" || folder.endsWith(sep) ? `${folder}${name}` : `${folder}${sep}${name}`;
  if (!/[*?[]/.test(part)) return existsSync(resolve(base, inside(part))) ? [inside(part)] : [];
  const matcher = matcherOf(part);
  let names: string[];
  try {
    names = readdirSync(resolve(base, folder || "."));
  } catch {
    return []; // not a folder
  }
  return names
    .filter((name) => matcher.test(name) && (part.startsWith(".") || !name.startsWith(".")))
    .map(inside);
}

function matcherOf(part: string): RegExp {
  const source = part.replace(/\[!?\]?[^\]]*\]|[\s\S]/g, (piece) => {
    if (piece === "*") return ".*";
    if (piece === "?") return ".";
    if (piece.length > 1) return classOf(piece.slice(1, -1));
    return piece.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "su");
}

/** A class of a glob as one of a regular expression; ranges that run backwards fit nothing, as in Python. */
function classOf(inner: string): string {
  const isNegated = inner.startsWith("!");
  const body = (isNegated ? inner.slice(1) : inner)
    .replace(/[\\\]^[]/g, "\\$&")
    .replace(/(\\?.)-(\\?.)/gsu, (range, low: string, high: string) =>
      (low.at(-1) ?? "") > (high.at(-1) ?? "") ? "" : range,
    );
  if (body === "") return isNegated ? "." : "(?!)";
  return `[${isNegated ? "^" : ""}${body}]`;
}

/** Order of paths by Unicode code points, as Python sorts them; UTF-16 units put rare signs elsewhere. */
export function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"));
}

/**
 * Where an Arrow file named in an index lies: relative to the working directory as the official tools take it, else to the index's
 * folder or one above it, so that a data folder can be moved as a whole.
 */
export function locateArrowFile(name: string, indexPath: string, base = "."): string {
  if (existsSync(resolve(base, name))) return below(base, name);
  for (let folder = resolve(base, dirname(indexPath)); ; folder = dirname(folder)) {
    const path = resolve(folder, name);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return name;
  }
}

/** A path below a folder; as it is when it is absolute or the folder is the working directory. */
export function below(folder: string, path: string): string {
  return folder === "." || isAbsolute(path) ? path : join(folder, path);
}
