import { builtinModules } from "node:module";
import { dirname, join } from "node:path/posix";
import ts from "typescript";

/** What a room may import beside Node, its own files and the packages that its package.json names. */
export interface RoomRule {
  /** Folder of the room from the root; a final `*` stands for the rest of one folder name. */
  readonly room: string;
  /** hyfw's packages that its code may import, by name; a final `*` stands for any ending. */
  readonly may: readonly string[];
  /** Other folders that its files may reach by a relative path. */
  readonly reach?: readonly string[];
  /** Whether it must run before anything is installed: Node's own modules only. */
  readonly nodeOnly?: boolean;
}

/** The rooms of the house and what each may import. The first that fits a file counts; no room without a rule. */
export const rules: readonly RoomRule[] = [
  { room: "native/lib", may: [] },
  { room: "packages/nn", may: ["@hyfw/native"] },
  { room: "packages/core", may: ["@hyfw/native"] },
  { room: "packages/plugin-*", may: ["@hyfw/core", "@hyfw/nn", "@hyfw/native"] },
  { room: "scripts/setup", may: [], reach: ["scripts"], nodeOnly: true },
  // What kills runs and times them starts whole processes as the tests do.
  {
    room: "scripts",
    may: ["@hyfw/*"],
    reach: ["packages/core/dist/launch", "packages/core/dist/checkpoint"],
  },
  // The command joins core with the packages that bring commands of their own.
  { room: "bin", may: ["@hyfw/*"], reach: ["scripts"] },
  { room: "presets", may: ["@hyfw/core"] },
  { room: "examples", may: ["@hyfw/*"] },
  { room: "benchmarks", may: ["@hyfw/*"], reach: ["scripts", "packages/core/dist/launch"] },
  // Tests of the whole command use the fixtures of the tests beside it.
  { room: "test", may: ["@hyfw/*"], reach: ["scripts", "packages/core/src/cli", "packages/core/src/launch"] },
];

/** Public entries beside the main one of a package; its package.json names them under `exports`. */
const SECOND_ENTRIES: ReadonlySet<string> = new Set([
  "@hyfw/core/cache",
  "@hyfw/core/engine",
  "@hyfw/core/golden",
  "@hyfw/core/optimizer",
  "@hyfw/core/weights",
  "@hyfw/plugin-model-hunyuan-dit/commands",
]);

/** One file to look at: path from the root, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** The dependencies that a package.json names, by the folder it lies in ("." for the root). */
export type Declared = ReadonlyMap<string, ReadonlySet<string>>;

/** Every import that the rules forbid, one line each: the file, what it imports, and why not. */
export function forbiddenImports(files: readonly SourceFile[], declared: Declared): string[] {
  return files.flatMap((file) =>
    isCpp(file.path) ? forbiddenIncludes(file) : forbiddenModules(file, declared),
  );
}

const isCpp = (path: string): boolean => /\.(cc|cpp|h|hpp|cu|cuh)$/.test(path);

/** Only native/src/binding sees JavaScript, and CUDA sources see no torch header (they take nvcc a minute). */
function forbiddenIncludes({ path, text }: SourceFile): string[] {
  const includes = [...text.matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].map((match) => match[1] ?? "");
  return includes.flatMap((name) => {
    if (!path.startsWith("native/src/binding/") && /^(napi|node_api|js_native_api)/.test(name))
      return [`${path} includes ${name}: only native/src/binding sees JavaScript`];
    if (/\.cuh?$/.test(path) && /^(torch|ATen|c10|caffe2)\//.test(name))
      return [`${path} includes ${name}: no torch headers in CUDA sources`];
    return [];
  });
}

function forbiddenModules(file: SourceFile, declared: Declared): string[] {
  const rule = rules.find(({ room }) => roomOf(file.path, room) !== undefined);
  const room = rule === undefined ? undefined : roomOf(file.path, rule.room);
  if (rule === undefined || room === undefined)
    return [`${file.path} lies in a folder without a rule: add its room to test/import-rules.ts`];
  const forbidden = ts
    .preProcessFile(file.text, true, true)
    .importedFiles.map(({ fileName }) => ({
      fileName,
      why: whyNot(file.path, fileName, rule, room, declared),
    }))
    .flatMap(({ fileName, why }) => (why === undefined ? [] : [`${file.path} imports ${fileName}: ${why}`]));
  const loadsAddon =
    /process\.dlopen|require\([^)]*\.node["'`]/.test(file.text) && rule.room !== "native/lib";
  return loadsAddon && !isTest(file.path)
    ? [...forbidden, `${file.path} loads an addon: only native/lib may`]
    : forbidden;
}

const isTest = (path: string): boolean => path.startsWith("test/") || path.endsWith(".test.ts");

function whyNot(
  path: string,
  name: string,
  rule: RoomRule,
  room: string,
  declared: Declared,
): string | undefined {
  if (name.startsWith("node:") || builtinModules.includes(name)) return undefined;
  if (name.startsWith(".")) {
    const target = join(dirname(path), name);
    const inside = [room, ...(rule.reach ?? [])].some((folder) => target.startsWith(`${folder}/`));
    return inside ? undefined : `it leaves ${room}; import the package by its name`;
  }
  if (rule.nodeOnly === true && !isTest(path)) return `${room} runs before anything is installed`;
  const parts = name.split("/");
  const packageName = name.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? name);
  if (packageName.startsWith("@hyfw/")) {
    if (name !== packageName && !SECOND_ENTRIES.has(name))
      return "it reaches deep into a package; import what its index.ts exports";
    if (!rule.may.some((allowed) => fits(packageName, allowed)))
      return `${room} may import ${rule.may.length === 0 ? "none of hyfw's packages" : rule.may.join(", ")}`;
  }
  return isDeclared(path, packageName, room, declared)
    ? undefined
    : `it is not in the dependencies of ${room}/package.json`;
}

/** A package ships with what its own package.json names; tests and the rooms without one use the root's as well. */
function isDeclared(path: string, name: string, room: string, declared: Declared): boolean {
  const own = declared.get(room === "native/lib" ? "native" : room);
  if (own?.has(name) === true) return true;
  if (own !== undefined && !isTest(path)) return false;
  return name.startsWith("@hyfw/") || declared.get(".")?.has(name) === true;
}

function fits(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** The folder that the pattern stands for in this path, such as `packages/plugin-x` for `packages/plugin-*`. */
function roomOf(path: string, pattern: string): string | undefined {
  const folder = path.split("/").slice(0, pattern.split("/").length).join("/");
  return folder !== path && fits(folder, pattern) ? folder : undefined;
}
