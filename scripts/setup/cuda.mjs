// @ts-check
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./command.mjs";
import { SetupFailure } from "./failure.mjs";

/**
 * The CUDA compiler: on PATH, under CUDA_HOME, or where NVIDIA's installer puts it.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | undefined}
 */
export function findNvcc(env = process.env) {
  const fixed = [env.CUDA_HOME, env.CUDA_PATH, "/usr/local/cuda"]
    .filter((folder) => folder !== undefined && folder !== "")
    .map((folder) => join(String(folder), "bin", "nvcc"));
  return findProgram("nvcc", env) ?? fixed.find((path) => existsSync(path));
}

/** Whether the NVIDIA driver is loaded on this machine. */
export function hasNvidiaDriver() {
  return existsSync("/proc/driver/nvidia/version") || existsSync("/dev/nvidiactl");
}

/**
 * Whether to compile the CUDA kernels: only when nvcc and a CUDA build of torch are both there.
 * @param {boolean} torchCuda
 * @param {string | undefined} nvcc
 * @param {NodeJS.ProcessEnv} [env] HYFW_CUDA: on, off or auto
 * @returns {{ cuda: boolean, why: string }}
 */
export function chooseCuda(torchCuda, nvcc, env = process.env) {
  const wish = env.HYFW_CUDA === undefined || env.HYFW_CUDA === "" ? "auto" : env.HYFW_CUDA.toLowerCase();
  if (!["on", "off", "auto"].includes(wish))
    throw new SetupFailure(
      `HYFW_CUDA is "${env.HYFW_CUDA}", expected on, off or auto`,
      "set HYFW_CUDA to one of these, or unset it",
    );
  const lacking = !torchCuda
    ? "this libtorch is a CPU build"
    : nvcc === undefined
      ? "nvcc is not found"
      : undefined;
  if (wish === "on" && lacking !== undefined)
    throw new SetupFailure(
      `HYFW_CUDA=on, but ${lacking}`,
      torchCuda
        ? "install the CUDA toolkit and put its bin folder on PATH, or set HYFW_CUDA=auto"
        : "point HYFW_TORCH at a CUDA build of torch, or set HYFW_CUDA=auto",
    );
  if (wish === "off") return { cuda: false, why: "HYFW_CUDA=off" };
  return lacking === undefined ? { cuda: true, why: `nvcc ${nvcc}` } : { cuda: false, why: lacking };
}
