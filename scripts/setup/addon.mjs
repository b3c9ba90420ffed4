// @ts-check
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { findProgram, runCommand, tail } from "./command.mjs";
import { SetupFailure } from "./failure.mjs";
import { addonStale, readRecord, recordPath, sourceHash, writeRecord } from "./native-record.mjs";
import { hyfwFolder } from "./paths.mjs";

/** @typedef {import("./native-record.mjs").NativeRecord} NativeRecord */
/** @typedef {import("./find-torch.mjs").ChosenTorch} ChosenTorch */

const limitMs = 30 * 60_000;

/**
 * One build folder per clone, libtorch, CUDA choice and Node ABI: an already configured folder ignores new values.
 * @param {string} root
 * @param {ChosenTorch} torch
 * @param {boolean} cuda
 */
export function buildFolder(root, torch, cuda) {
  const where = createHash("sha256").update(`${root}\0${torch.prefix}`).digest("hex").slice(0, 8);
  const version = torch.version.replace(/[^\w.]+/g, "-");
  const kind = torch.prefix === "" ? "system" : "torch";
  return join(
    hyfwFolder(root),
    "build",
    `${kind}-${version}-${cuda ? "cuda" : "cpu"}-node${process.versions.modules}-${where}`,
  );
}

/**
 * Builds the addon when the one that is there does not fit, and records it. Each build folder keeps a record of
 * its own, so that going back to an earlier libtorch costs nothing.
 * @param {string} root
 * @param {ChosenTorch} torch
 * @param {{ cuda: boolean, env?: NodeJS.ProcessEnv, say?: (text: string) => void }} options
 * @returns {Promise<import("./steps.mjs").StepResult<NativeRecord>>}
 */
export async function buildAddon(root, torch, { cuda, env = process.env, say = () => {} }) {
  const wanted = { torch, cuda, nodeModulesAbi: process.versions.modules, sourceHash: sourceHash(root) };
  const folder = buildFolder(root, torch, cuda);
  const folderRecord = join(folder, "native.json");
  const chosen = recordPath(root, env);
  const current = readRecord(chosen);
  const built = readRecord(folderRecord);
  const reason = addonStale(root, built, wanted);
  if (reason === undefined && built !== undefined) {
    const record = { ...built, torch };
    if (JSON.stringify(current) !== JSON.stringify(record)) writeRecord(chosen, record);
    return { text: `${record.addon} fits`, value: record };
  }
  checkTools(env);
  say(`building the addon: ${reason}`);
  // Gone while it is built: a build that fails must not leave an addon that looks right.
  rmSync(folderRecord, { force: true });
  await compile(root, folder, torch, cuda, env);
  const addon = findAddon(folder);
  if (addon === undefined)
    throw new SetupFailure(
      `the build ended well, but hyfw_native.node is not in ${folder}`,
      `delete ${folder} and run this again`,
    );
  const record = { addon: relative(root, addon), ...wanted };
  writeRecord(folderRecord, record);
  writeRecord(chosen, record);
  return {
    text: `built ${record.addon} with ${findProgram("ninja", env) === undefined ? "make" : "ninja"}: ${reason}`,
    value: record,
  };
}

/**
 * @param {string} root
 * @param {string} folder
 * @param {ChosenTorch} torch
 * @param {boolean} cuda
 * @param {NodeJS.ProcessEnv} env
 */
async function compile(root, folder, torch, cuda, env) {
  const cmakeJs = join(root, "node_modules", "cmake-js", "bin", "cmake-js");
  const settings = [`--CDHYFW_TORCH_PREFIX=${torch.prefix}`, `--CDHYFW_CUDA=${cuda ? "ON" : "OFF"}`];
  if (findProgram("ccache", env) !== undefined)
    settings.push(
      "--CDCMAKE_CXX_COMPILER_LAUNCHER=ccache",
      ...(cuda ? ["--CDCMAKE_CUDA_COMPILER_LAUNCHER=ccache"] : []),
    );
  // A compilation takes up to 1.5 GB, so more than two at a time could fill a small machine.
  const jobs = String(Math.min(2, availableParallelism()));
  for (const [command, extra] of /** @type {const} */ ([
    ["configure", settings],
    ["build", ["-p", jobs]],
  ])) {
    const args = [cmakeJs, command, "-d", root, "-O", folder, "-B", "Release", ...extra];
    // ccache knows what lies behind a precompiled header only when it is told that this is enough.
    const own = { CCACHE_SLOPPINESS: "pch_defines,time_macros", ...env };
    const { code, output, timedOut } = await runCommand(process.execPath, args, {
      cwd: root,
      env: own,
      limitMs,
    });
    if (code === 0) continue;
    throw new SetupFailure(
      `cmake-js ${command} ${timedOut ? `was not done after ${limitMs / 60_000} minutes` : "failed"} in ${folder}`,
      "mend what the lines above name and run this again (a half-written build folder can be deleted)",
      tail(withErrors(output), 40),
    );
  }
}

/**
 * With two compilers at work the error is often not at the end: bring lines that name one along.
 * @param {string} output
 */
function withErrors(output) {
  const errors = output.split("\n").filter((line) => /(^|\s)(fatal )?error:|CMake Error/i.test(line));
  return `${output}\n${errors.slice(0, 12).join("\n")}`;
}

/** @param {NodeJS.ProcessEnv} env */
function checkTools(env) {
  const missing = [
    ...(["c++", "g++", "clang++"].some((name) => findProgram(name, env) !== undefined) ? [] : ["g++"]),
    ...(findProgram("cmake", env) === undefined ? ["cmake"] : []),
    ...(["ninja", "make"].some((name) => findProgram(name, env) !== undefined) ? [] : ["make"]),
  ];
  if (missing.length > 0)
    throw new SetupFailure(
      `the addon is built from source, and ${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} not on PATH`,
      `run \`sudo apt-get install -y ${missing.join(" ")}\` (or your system's packages of these names), then run this again`,
    );
}

/**
 * @param {string} folder
 * @returns {string | undefined}
 */
function findAddon(folder) {
  for (const path of [join(folder, "Release"), folder]) {
    if (!existsSync(path)) continue;
    if (readdirSync(path).includes("hyfw_native.node")) return join(path, "hyfw_native.node");
  }
  return undefined;
}

/**
 * The environment for processes that load the addon. With Debian's 1.13 the threads of OpenBLAS and of OpenMP spin
 * against each other unless OpenMP's wait passively, and OpenMP reads that only at the start of a process.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function trainingEnv(root, env = process.env) {
  const version = readRecord(recordPath(root, env))?.torch.version ?? "";
  return version.startsWith("1.") ? { OMP_WAIT_POLICY: "passive", ...env } : { ...env };
}
