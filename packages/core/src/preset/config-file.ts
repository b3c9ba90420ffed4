import { existsSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import { cosmiconfig } from "cosmiconfig";
import { configFailed, configNotFound } from "../errors/settings.js";
import { importCode } from "./import-code.js";
import type { FileValue } from "./load.js";
import { readSource } from "./source.js";

const SEARCH_PLACES = [
  "package.json",
  ".hyfwrc",
  ".hyfwrc.json",
  ".hyfwrc.yaml",
  ".hyfwrc.yml",
  ".hyfwrc.js",
  ".hyfwrc.ts",
  ".hyfwrc.mjs",
  ".hyfwrc.cjs",
  "hyfw.config.ts",
  "hyfw.config.mts",
  "hyfw.config.js",
  "hyfw.config.mjs",
  "hyfw.config.cjs",
  "hyfw.config.json",
  "hyfw.config.yaml",
  "hyfw.config.yml",
];
const CODE = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"];

/**
 * Finds and reads the project's config file, from `cwd` up to the folder that holds a package.json.
 * @param named the file that `--config` names, instead of searching
 * @returns undefined when there is none
 * @throws HYFW_CONFIG_NOT_FOUND, HYFW_CONFIG_FAILED
 */
export async function readConfigFile(cwd: string, named?: string): Promise<FileValue | undefined> {
  const file = named === undefined ? await searchConfig(cwd) : resolve(cwd, named);
  if (file === undefined) return undefined;
  if (!existsSync(file)) throw configNotFound(file);
  const name = basename(file);
  if (CODE.includes(extname(file)))
    return { layer: "config", name, file, value: await runConfig(file), locate: () => undefined };
  const key = name === "package.json" ? ["hyfw"] : [];
  const { value, locate } = readSource(file, key);
  return { layer: "config", name, file, value, locate };
}

/** cosmiconfig only finds the file: its loaders lose the lines, and its .ts loader needs a newer Node. */
async function searchConfig(cwd: string): Promise<string | undefined> {
  const mark = (): Record<string, unknown> => ({ isFound: true });
  const code = Object.fromEntries(CODE.map((extension) => [extension, mark]));
  const readAs = (file: string): unknown => readSource(file).value ?? {};
  const explorer = cosmiconfig("hyfw", {
    searchPlaces: SEARCH_PLACES,
    searchStrategy: "project",
    loaders: { ...code, ".json": readAs, ".yaml": readAs, ".yml": readAs, noExt: readAs },
  });
  return (await explorer.search(cwd))?.filepath;
}

async function runConfig(file: string): Promise<unknown> {
  try {
    return await importCode(file);
  } catch (cause) {
    throw configFailed(file, cause);
  }
}
