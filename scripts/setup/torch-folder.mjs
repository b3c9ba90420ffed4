// @ts-check
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";

/**
 * A libtorch that hyfw can build against. `prefix` is the folder with lib/ and share/cmake/Torch, or "" for the
 * one that the system's own folders hold; `cuda` tells whether it was built for CUDA.
 * @typedef {{ prefix: string, version: string, cuda: boolean }} Torch
 */

/** @typedef {{ torch: Torch, problem?: undefined } | { torch?: undefined, problem: string }} Inspection */

/** Versions of libtorch that hyfw's sources are built with. */
export const supportedTorch = "2.4 or later, or Debian 12's 1.13";

/**
 * What Debian's 1.13 lacks, for the line under the choice; undefined for newer versions.
 * @param {string} version
 */
export function versionNote(version) {
  return version.startsWith("1.13")
    ? "libtorch 1.13 trains on the CPU in one process; bfloat16 is slow, fused attention and parts of gloo are missing"
    : undefined;
}

/**
 * @param {string} version for example "2.13.0+cpu"
 * @returns {boolean} whether hyfw's sources are built with it
 */
export function isSupported(version) {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > 2 || (major === 2 && minor >= 4) || (major === 1 && minor === 13);
}

/**
 * Looks whether a folder is a torch package, a libtorch folder, or a site-packages folder with torch in it.
 * @param {string} folder
 * @returns {Inspection}
 */
export function inspectTorch(folder) {
  if (!existsSync(folder)) return { problem: `${folder} does not exist` };
  const prefix = [folder, join(folder, "torch")].find((path) =>
    existsSync(join(path, "lib", "libtorch_cpu.so")),
  );
  if (prefix === undefined)
    return {
      problem: `${folder} is neither a torch package nor a libtorch folder: lib/libtorch_cpu.so is not in it`,
    };
  const config = join(prefix, "share", "cmake", "Torch");
  if (!existsSync(join(config, "TorchConfig.cmake")))
    return { problem: `${prefix} has libraries but no share/cmake/Torch/TorchConfig.cmake to build against` };
  if (!existsSync(join(prefix, "include", "ATen", "ATen.h")))
    return { problem: `${prefix} has libraries but no include/ATen/ATen.h to build against` };
  return checked({
    prefix: realpathSync(prefix),
    version: readVersion(prefix, config),
    cuda: existsSync(join(prefix, "lib", "libtorch_cuda.so")),
  });
}

/**
 * Looks for the system's libtorch (Debian's libtorch-dev) under a prefix such as /usr.
 * @param {string} [usr]
 * @returns {Inspection}
 */
export function inspectSystemTorch(usr = "/usr") {
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  for (const lib of [join(usr, "lib", triplet), join(usr, "lib"), join(usr, "lib64")]) {
    const config = join(lib, "cmake", "Torch");
    if (!existsSync(join(lib, "libtorch_cpu.so")) || !existsSync(join(config, "TorchConfig.cmake"))) continue;
    return checked({
      prefix: "",
      version: readVersion(usr, config),
      cuda: existsSync(join(lib, "libtorch_cuda.so")),
    });
  }
  return { problem: `no libtorch-dev under ${usr}` };
}

/**
 * @param {Torch} torch
 * @returns {Inspection}
 */
function checked(torch) {
  if (isSupported(torch.version)) return { torch };
  return {
    problem: `${torch.prefix || "the system's libtorch"} is version ${torch.version}, hyfw needs ${supportedTorch}`,
  };
}

/**
 * The full version with its build suffix where a package states one, else what its CMake file states.
 * @param {string} prefix
 * @param {string} config
 */
function readVersion(prefix, config) {
  return (
    firstMatch(join(prefix, "version.py"), /^__version__ = '([^']+)'/m) ??
    firstMatch(join(prefix, "build-version"), /^(\S+)/) ??
    firstMatch(join(config, "TorchConfigVersion.cmake"), /PACKAGE_VERSION "([^"]+)"/) ??
    "unknown"
  );
}

/**
 * @param {string} path
 * @param {RegExp} pattern
 */
function firstMatch(path, pattern) {
  try {
    return pattern.exec(readFileSync(path, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}
