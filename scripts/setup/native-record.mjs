// @ts-check
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hyfwFolder } from "./paths.mjs";

/**
 * What was built, for whom. `native/lib/load.ts` reads it and refuses an addon that does not fit.
 * @typedef {object} NativeRecord
 * @property {string} addon relative to the clone
 * @property {import("./find-torch.mjs").ChosenTorch} torch
 * @property {boolean} cuda
 * @property {string} nodeModulesAbi process.versions.modules
 * @property {string} sourceHash
 */

/**
 * The record of the addon in use: HYFW_NATIVE_JSON, else .hyfw/native.json.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} [env]
 */
export const recordPath = (root, env = process.env) =>
  env.HYFW_NATIVE_JSON === undefined || env.HYFW_NATIVE_JSON === ""
    ? join(hyfwFolder(root), "native.json")
    : env.HYFW_NATIVE_JSON;

/**
 * SHA-256 over CMakeLists.txt and every file of native/src, by path, so that an addon of other sources is noticed.
 * @param {string} root
 */
export function sourceHash(root) {
  const hash = createHash("sha256");
  for (const path of ["CMakeLists.txt", ...filesUnder(root, "native/src")]) {
    if (!existsSync(join(root, path))) continue;
    hash.update(`${path}\0`);
    hash.update(readFileSync(join(root, path)));
    hash.update("\0");
  }
  return hash.digest("hex");
}

/**
 * @param {string} path
 * @returns {NativeRecord | undefined}
 */
export function readRecord(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Written beside and renamed, so that a reader never sees half of it.
 * @param {string} path
 * @param {NativeRecord} record
 */
export function writeRecord(path, record) {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(partial, path);
}

/**
 * Why an addon has to be built again, or undefined when it fits.
 * @param {string} root
 * @param {NativeRecord | undefined} record
 * @param {{ torch: import("./torch-folder.mjs").Torch, cuda: boolean, nodeModulesAbi: string, sourceHash: string }} wanted
 * @returns {string | undefined}
 */
export function addonStale(root, record, wanted) {
  if (record === undefined) return "not built yet";
  if (!existsSync(join(root, record.addon))) return `${record.addon} is gone`;
  if (record.torch.prefix !== wanted.torch.prefix)
    return `built for the libtorch in ${record.torch.prefix || "the system's folders"}, now ${wanted.torch.prefix || "the system's"}`;
  if (record.torch.version !== wanted.torch.version)
    return `built for libtorch ${record.torch.version}, now ${wanted.torch.version}`;
  if (record.cuda !== wanted.cuda)
    return record.cuda ? "built with CUDA, now without" : "built without CUDA, now with";
  if (record.nodeModulesAbi !== wanted.nodeModulesAbi)
    return `built for Node ABI ${record.nodeModulesAbi}, this is ${wanted.nodeModulesAbi}`;
  if (record.sourceHash !== wanted.sourceHash) return "its sources have changed";
  return undefined;
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]} paths relative to root, sorted
 */
function filesUnder(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory() ? filesUnder(root, `${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
    )
    .sort();
}
