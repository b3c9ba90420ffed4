// @ts-check
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand, tail } from "./command.mjs";
import { hyfwFolder } from "./paths.mjs";
import { inspectTorch } from "./torch-folder.mjs";

/** The version that hyfw installs for itself, and is tested with. */
export const pinnedTorch = "2.13.0";

const cpuIndex = "https://download.pytorch.org/whl/cpu";
const limitMs = 20 * 60_000;

/**
 * hyfw's own copy of torch, in an ignored folder of this clone.
 * @param {string} root
 * @param {boolean} cuda
 */
export const ownTorchFolder = (root, cuda) =>
  join(hyfwFolder(root), cuda ? `torch-${pinnedTorch}-cuda` : `torch-${pinnedTorch}`);

/**
 * @typedef {object} InstallOptions
 * @property {boolean} cuda install the CUDA build with what it depends on
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(text: string) => void} [say]
 * @property {number} [limitMs] for one attempt
 */

/**
 * Installs torch with pip into `folder`, one attempt after the other, and gives the failures when none works.
 * pip works in a *.partial folder, so an interrupted download is never taken for a copy.
 * @param {string} folder
 * @param {InstallOptions} options
 * @returns {Promise<{ installed: boolean, problem?: string, details?: string }>}
 */
export async function installTorch(
  folder,
  { cuda, env = process.env, say = () => {}, limitMs: limit = limitMs },
) {
  const pip = await runCommand("python3", ["-m", "pip", "--version"], { env, limitMs: 30_000 });
  if (pip.code !== 0)
    return { installed: false, problem: "python3 has no pip", details: tail(pip.output, 3) };
  const partial = `${folder}.partial`;
  const failures = [];
  let details = "";
  for (const { name, args } of attempts(cuda, env)) {
    say(`pip: torch ${pinnedTorch} ${name} (${cuda ? "CUDA build, about 3 GB" : "CPU build, about 190 MB"})`);
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    const result = await runCommand(
      "python3",
      ["-m", "pip", "install", ...common, "--target", partial, ...args],
      {
        env,
        limitMs: limit,
      },
    );
    const found = result.code === 0 ? inspectTorch(partial) : undefined;
    if (found?.torch !== undefined) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(partial, folder);
      return { installed: true };
    }
    failures.push(
      `${name}: ${result.timedOut ? `not done after ${Math.round(limit / 1000)} s` : (found?.problem ?? lastError(result.output))}`,
    );
    details = tail(result.output, 6);
  }
  rmSync(partial, { recursive: true, force: true });
  return { installed: false, problem: failures.join("; "), details };
}

/** Short time-outs: an index that does not answer costs seconds, a slow download is left to go on. */
const common = [
  "--disable-pip-version-check",
  "--no-input",
  "--no-warn-script-location",
  "--root-user-action=ignore",
  "--timeout=10",
  "--retries=1",
];

/**
 * @param {boolean} cuda
 * @param {NodeJS.ProcessEnv} env HYFW_TORCH_INDEX: used in place of the official index of CPU builds
 * @returns {{ name: string, args: string[] }[]}
 */
export function attempts(cuda, env) {
  if (cuda) return [{ name: "as pip is configured", args: [`torch==${pinnedTorch}`] }];
  // Only x86-64 Linux has a CUDA build under the plain name; elsewhere the plain name is the CPU build.
  const wanted = process.arch === "x64" ? `torch==${pinnedTorch}+cpu` : `torch==${pinnedTorch}`;
  const index =
    env.HYFW_TORCH_INDEX === undefined || env.HYFW_TORCH_INDEX === "" ? cpuIndex : env.HYFW_TORCH_INDEX;
  const fromIndex = { name: `from ${index}`, args: ["--no-deps", "--index-url", index, wanted] };
  const configured = { name: "as pip is configured", args: ["--no-deps", wanted] };
  return index === cpuIndex ? [configured, fromIndex] : [fromIndex, configured];
}

/**
 * Why pip failed, in one line: pip calls an index that it could not reach one without the package.
 * @param {string} output
 */
function lastError(output) {
  const network =
    /Connection refused|Name or service not known|Temporary failure in name resolution|[Tt]imed out|Network is unreachable|No route to host/.exec(
      output,
    );
  if (network !== null) return `the index cannot be reached (${network[0].toLowerCase()})`;
  const errors = output.split("\n").filter((line) => line.startsWith("ERROR"));
  return (errors.at(-1) ?? output.trim().split("\n").at(-1) ?? "no output").replace(/^ERROR: /, "");
}

const failedFile = "torch-install-failed.json";
const rememberMs = 24 * 3_600_000;

/**
 * Keeps in mind that pip could not install torch here, so that a machine that lives on the system's libtorch does
 * not ask unreachable indexes at every start.
 * @param {string} root
 * @param {string} problem
 * @param {NodeJS.ProcessEnv} env
 */
export function rememberFailure(root, problem, env) {
  mkdirSync(hyfwFolder(root), { recursive: true });
  const record = { at: Date.now(), problem, index: env.HYFW_TORCH_INDEX ?? "" };
  writeFileSync(join(hyfwFolder(root), failedFile), JSON.stringify(record));
}

/**
 * The failure of the last day with the same index, or undefined.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function recentFailure(root, env) {
  try {
    const { at, problem, index } = JSON.parse(readFileSync(join(hyfwFolder(root), failedFile), "utf8"));
    if (Date.now() - at > rememberMs || index !== (env.HYFW_TORCH_INDEX ?? "")) return undefined;
    return `${problem} (asked within the last day; delete .hyfw/${failedFile} to ask again)`;
  } catch {
    return undefined;
  }
}
