// @ts-check
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { findNvcc, hasNvidiaDriver } from "./cuda.mjs";
import { aptCommand, installDebianTorch } from "./debian-torch.mjs";
import { SetupFailure } from "./failure.mjs";
import {
  installTorch,
  ownTorchFolder,
  pinnedTorch,
  recentFailure,
  rememberFailure,
} from "./install-torch.mjs";
import { pythonTorch } from "./python.mjs";
import { inspectSystemTorch, inspectTorch, supportedTorch } from "./torch-folder.mjs";

/** @typedef {import("./torch-folder.mjs").Torch} Torch */
/** @typedef {"HYFW_TORCH" | "python3" | "own copy" | "system"} TorchSource */
/** @typedef {Torch & { source: TorchSource, why: string }} ChosenTorch */

/**
 * @typedef {object} FindOptions
 * @property {NodeJS.ProcessEnv} [env]
 * @property {boolean} [mayInstall] false: only look, change nothing
 * @property {(text: string) => void} [say]
 * @property {() => Promise<{ folder?: string, problem?: string }>} [python] where python3's torch is
 * @property {() => import("./torch-folder.mjs").Inspection} [system]
 * @property {() => Promise<{ installed: boolean, problem?: string, details?: string }>} [installSystem]
 * @property {boolean} [driver] whether an NVIDIA driver is loaded
 */

/**
 * Finds the libtorch to build against, in the order HYFW_TORCH, python3's torch, hyfw's own copy (installed with pip
 * when it is not there), the system's libtorch-dev (installed with apt-get as root). `why` tells what was passed over.
 * @param {string} root
 * @param {FindOptions} [options]
 * @returns {Promise<ChosenTorch>}
 * @throws {SetupFailure} when HYFW_TORCH is not a libtorch, or nothing is found
 */
export async function findTorch(root, options = {}) {
  const { env = process.env, mayInstall = true, say = () => {}, driver = hasNvidiaDriver() } = options;
  const { python = () => pythonTorch(env), system = inspectSystemTorch } = options;
  const nvcc = findNvcc(env);
  if (env.HYFW_TORCH !== undefined && env.HYFW_TORCH !== "") return fromSetting(env.HYFW_TORCH, nvcc, system);

  /** @type {string[]} */
  const passed = [];
  /** @param {import("./torch-folder.mjs").Inspection} found */
  const usable = (found) => {
    const problem = found.torch === undefined ? found.problem : cannotCompile(found.torch, nvcc);
    if (problem !== undefined) passed.push(problem);
    return problem === undefined ? found.torch : undefined;
  };

  const { folder, problem } = await python();
  if (folder === undefined) passed.push(problem ?? "the active python3 has no torch");
  else {
    const torch = usable(inspectTorch(folder));
    if (torch !== undefined) return { ...torch, source: "python3", why: "the torch of the active python3" };
  }

  // A CUDA build of torch can be compiled against only where nvcc is.
  const cuda = driver && nvcc !== undefined;
  if (driver && nvcc === undefined)
    say("an NVIDIA driver is there but nvcc is not: a CPU build is used (`hyfw doctor` tells more)");
  const wanted = cuda ? [true, false] : [false];
  for (const kind of wanted) {
    const target = ownTorchFolder(root, kind);
    if (!existsSync(target)) continue;
    const own = usable(inspectTorch(target));
    if (own !== undefined)
      return { ...own, source: "own copy", why: because("hyfw's own copy", passed.slice(0, 1)) };
  }
  const remembered = recentFailure(root, env);
  // A recent failure counts only while the system's libtorch can be used instead.
  if (remembered !== undefined && system().torch !== undefined) passed.push(remembered);
  else if (mayInstall) {
    for (const kind of wanted) {
      const target = ownTorchFolder(root, kind);
      const { installed, problem: why = "", details } = await installTorch(target, { cuda: kind, env, say });
      const own = installed ? usable(inspectTorch(target)) : undefined;
      if (own !== undefined)
        return {
          ...own,
          source: "own copy",
          why: because(`installed with pip (${pinnedTorch} pinned)`, passed.slice(0, 1)),
        };
      passed.push(`pip could not install torch: ${why}`);
      if (details !== undefined) say(`pip failed:\n${details}`);
    }
    rememberFailure(root, passed.at(-1) ?? "", env);
  }

  let torch = usable(system());
  let details;
  if (torch === undefined && mayInstall) {
    const install = options.installSystem ?? (() => installDebianTorch({ env, say }));
    const result = await install();
    if (result.installed) torch = usable(system());
    else passed.push(result.problem ?? "");
    details = result.details;
  }
  if (torch !== undefined)
    return { ...torch, source: "system", why: because("the system's libtorch-dev", passed.slice(-3)) };
  throw new SetupFailure(
    `no libtorch: ${passed.join("; ")}`,
    `run \`${aptCommand}\`, or set HYFW_TORCH to a torch package or libtorch folder (${supportedTorch}), then run this again`,
    details,
  );
}

/**
 * @param {string} setting
 * @param {string | undefined} nvcc
 * @param {() => import("./torch-folder.mjs").Inspection} system
 * @returns {ChosenTorch}
 */
function fromSetting(setting, nvcc, system) {
  const isSystem = setting === "system" || resolve(setting) === "/usr";
  const found = isSystem ? system() : inspectTorch(resolve(setting));
  const problem = found.torch === undefined ? found.problem : cannotCompile(found.torch, nvcc);
  if (found.torch === undefined || problem !== undefined)
    throw new SetupFailure(
      `HYFW_TORCH is "${setting}": ${problem}`,
      isSystem
        ? `run \`${aptCommand}\`, or unset HYFW_TORCH`
        : "set HYFW_TORCH to a torch package (the folder that `import torch` loads), to an unpacked libtorch, or to `system`; or unset it",
    );
  return { ...found.torch, source: "HYFW_TORCH", why: `HYFW_TORCH is "${setting}"` };
}

/**
 * @param {Torch} torch
 * @param {string | undefined} nvcc
 */
function cannotCompile(torch, nvcc) {
  return torch.cuda && nvcc === undefined
    ? `${torch.prefix || "the system's libtorch"} is a CUDA build, which needs the CUDA toolkit to compile against, and nvcc is not found`
    : undefined;
}

/**
 * @param {string} choice
 * @param {string[]} passed
 */
const because = (choice, passed) => (passed.length === 0 ? choice : `${choice}: ${passed.join("; ")}`);
