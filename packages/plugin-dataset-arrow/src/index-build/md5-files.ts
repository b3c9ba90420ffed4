import { readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { indexDifference, indexSetting } from "../errors.js";
import type { Md5Filter, Md5Repeater } from "./index-recipe.js";
import { Md5Map } from "./md5-map.js";

/** What an MD5 file says: which MD5s it lists, and for a JSON object the value of each. */
type Md5Values = ReadonlyMap<string, unknown>;

/** The rows that an MD5 filter finds: those listed, or those whose value passes. */
export function foundByFilter(filter: Md5Filter, folder: string): Md5Map {
  const merged = new Map<string, unknown>();
  for (const path of filter.path)
    for (const [md5, value] of readMd5File(path, filter.type, folder)) merged.set(md5, value);
  const found = new Md5Map();
  for (const [md5, value] of merged)
    if (filter.type === "list" || passes(value, filter, md5)) found.set(md5, 1);
  return found;
}

/** How often a repeater wants each row that its file lists. */
export function repeatsOf({ path, type, repeat, plus }: Md5Repeater, folder: string): Md5Map {
  const repeats = new Md5Map();
  for (const [md5, value] of readMd5File(path, type, folder)) {
    if (type === "dict" && (typeof value !== "number" || !Number.isSafeInteger(value)))
      throw indexSetting(
        path,
        undefined,
        `the repeat of ${md5} is ${JSON.stringify(value)}, expected a whole number`,
        "correct the file",
      );
    repeats.set(md5, repeat ?? Number(value) + plus);
  }
  return repeats;
}

/** Height and width by MD5, from a JSON object of `[height, width]` pairs; the product is never looked at, so pairs lie packed. */
export function sizesOf(path: string, folder: string): Md5Map {
  const sizes = new Md5Map();
  for (const [md5, value] of readMd5File(path, "dict", folder)) {
    const [height, width] = Array.isArray(value) ? value : [];
    const isSide = (side: unknown): side is number =>
      typeof side === "number" && Number.isInteger(side) && side >= 1 && side < 2 ** 24;
    if (!isSide(height) || !isSide(width) || (value as unknown[]).length !== 2)
      throw indexSetting(
        path,
        undefined,
        `the size of ${md5} is ${JSON.stringify(value)}, expected [height, width] in pixels`,
        "correct the file",
      );
    sizes.set(md5, height * 2 ** 24 + width);
  }
  return sizes;
}

function readMd5File(path: string, type: "list" | "dict", folder: string): Md5Values {
  const fail = (what: string, todo: string) => indexSetting(path, undefined, what, todo);
  const kind = extname(path).toLowerCase();
  if (kind === ".pkl" || kind === ".pickle")
    throw indexDifference(
      { file: path },
      "pickle",
      "a pickle runs whatever code it holds when it is loaded, so hyfw does not",
      type === "list"
        ? `write it as text once, where you trust it: python3 -c "import pickle; print(*pickle.load(open('${path}', 'rb')), sep='\\n')" > ${path.replace(/\.\w+$/, ".txt")}`
        : `write it as JSON once, where you trust it: python3 -c "import json, pickle; print(json.dumps(dict(pickle.load(open('${path}', 'rb')))))" > ${path.replace(/\.\w+$/, ".json")}`,
    );
  if (kind !== ".txt" && kind !== ".json")
    throw fail(
      `its ending is ${kind || "missing"}`,
      "give .txt with one MD5 a line, or .json with an object",
    );
  let text: string;
  try {
    text = readFileSync(resolve(folder, path), "utf8");
  } catch (cause) {
    throw fail(
      `it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      "relative paths start at the working directory",
    );
  }
  if (kind === ".txt") {
    if (type === "dict") throw fail("a .txt file gives no values", "give a .json file, or use type list");
    return new Map(linesOf(text).map((line) => [line, null]));
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw fail(
      `it is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      "correct the file",
    );
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw fail(
      `it holds ${Array.isArray(parsed) ? "a list" : JSON.stringify(parsed)}, expected an object with MD5s as keys`,
      type === "list" ? "give a .txt file with one MD5 a line" : "correct the file",
    );
  return new Map(Object.entries(parsed));
}

/** Lines without their ends: LF, CRLF or CR; blanks are kept, so they never match. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Python's comparison of a value of the file with the target. */
function passes(value: unknown, { action, target, path }: Md5Filter, md5: string): boolean {
  const plain = (side: unknown): unknown => (typeof side === "boolean" ? Number(side) : side);
  const a = plain(value);
  const b = plain(target);
  if (action === "eq") return a === b;
  if (action === "ne") return a !== b;
  if (typeof a !== typeof b || (typeof a !== "number" && typeof a !== "string"))
    throw indexSetting(
      path.join(", "),
      undefined,
      `the value of ${md5} is ${JSON.stringify(value)}, which ${action} cannot compare with ${JSON.stringify(target)}`,
      "give values of the target's type, or use eq or ne",
    );
  const order =
    typeof a === "number" ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  if (action === "gt") return order > 0;
  if (action === "lt") return order < 0;
  return action === "ge" ? order >= 0 : order <= 0;
}
