// @ts-check
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand, tail } from "./command.mjs";
import { SetupFailure } from "./failure.mjs";

/** @typedef {{ version?: string, link?: boolean, resolved?: string, optional?: boolean, devOptional?: boolean }} LockEntry */

const limitMs = 15 * 60_000;

/**
 * Why node_modules does not hold what package-lock.json asks for, or undefined when it does. npm leaves a list of
 * what it installed in node_modules, so packages added by hand with npm count as well.
 * @param {string} root
 * @returns {string | undefined}
 */
export function packagesStale(root) {
  const wanted = readLock(join(root, "package-lock.json"));
  if (wanted === undefined) return "package-lock.json is missing";
  const found = readLock(join(root, "node_modules", ".package-lock.json"));
  if (found === undefined) return "node_modules is missing or incomplete";
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) continue;
    const installed = found[path];
    if (installed === undefined) {
      if (entry.optional === true || entry.devOptional === true) continue;
      return `${path} is not installed`;
    }
    if (installed.version !== entry.version)
      return `${path} is ${installed.version}, package-lock.json has ${entry.version}`;
    if (entry.link === true && !existsSync(join(root, path))) return `${path} is not linked`;
  }
  return undefined;
}

/**
 * Installs what package-lock.json names when node_modules does not hold it yet.
 * @param {string} root
 * @param {{ env?: NodeJS.ProcessEnv, npm?: readonly string[] }} [options] npm: the program and first arguments that start npm
 * @returns {Promise<import("./steps.mjs").StepResult<undefined>>}
 */
export async function installPackages(root, { env = process.env, npm = npmCommand(env) } = {}) {
  const reason = packagesStale(root);
  if (reason === undefined)
    return { text: "node_modules holds what package-lock.json names", value: undefined };
  const [program = "npm", ...first] = npm;
  const args = [
    ...first,
    "ci",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--fetch-retries=2",
    "--fetch-timeout=60000",
  ];
  const { code, output, timedOut } = await runCommand(program, args, { cwd: root, env, limitMs });
  if (code === 0) return { text: `installed with npm ci: ${reason}`, value: undefined };
  throw new SetupFailure(
    timedOut ? `npm ci was still at work after ${limitMs / 60_000} minutes` : "npm ci failed",
    output.includes("EUSAGE")
      ? "package.json and package-lock.json disagree: run `npm install` and commit package-lock.json"
      : "run `npm ci` in this clone and mend what it names (no route to the npm registry?), then run this again",
    tail(output),
  );
}

/** @param {NodeJS.ProcessEnv} env */
function npmCommand(env) {
  // Under `npm test` this is the npm that was called, which need not be the first on PATH.
  const path = env.npm_execpath;
  return path?.endsWith(".js") && existsSync(path) ? [process.execPath, path] : ["npm"];
}

/**
 * @param {string} path
 * @returns {Record<string, LockEntry> | undefined}
 */
function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}
