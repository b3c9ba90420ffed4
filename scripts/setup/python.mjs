// @ts-check
import { dirname } from "node:path";
import { runCommand } from "./command.mjs";

/**
 * The folder of the torch package that the active python3 would import, without importing it (that takes seconds).
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ folder?: string, problem?: string }>}
 */
export async function pythonTorch(env = process.env) {
  // Started in /, so that a folder named torch in the working folder is not taken for the package.
  const find =
    "import importlib.util as u; s = u.find_spec('torch'); print(s.origin if s and s.origin else '')";
  const { code, stdout } = await runCommand("python3", ["-c", find], { cwd: "/", env, limitMs: 20_000 });
  if (code !== 0) return { problem: "python3 does not run" };
  const origin = stdout.trim();
  return origin === "" ? { problem: "the active python3 has no torch" } : { folder: dirname(origin) };
}
