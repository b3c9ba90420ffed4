// @ts-check
import { findProgram, runCommand, tail } from "./command.mjs";

/** What a person types to get Debian's or Ubuntu's libtorch. */
export const aptCommand =
  "sudo apt-get update && sudo apt-get install -y --no-install-recommends libtorch-dev";

/**
 * Installs libtorch-dev with apt-get; only root can, everybody else is told the command.
 * @param {{ env?: NodeJS.ProcessEnv, say?: (text: string) => void, isRoot?: boolean }} [options]
 * @returns {Promise<{ installed: boolean, problem?: string, details?: string }>}
 */
export async function installDebianTorch({
  env = process.env,
  say = () => {},
  isRoot = process.getuid?.() === 0,
} = {}) {
  if (findProgram("apt-get", env) === undefined)
    return { installed: false, problem: "apt-get is not on this machine" };
  if (!isRoot) return { installed: false, problem: "only root can install libtorch-dev" };
  const quiet = { ...env, DEBIAN_FRONTEND: "noninteractive" };
  const network = [
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=10",
    "-o",
    "Acquire::https::Timeout=10",
  ];
  say("apt-get: libtorch-dev");
  // A failed update is not the end: the lists that are there may do.
  await runCommand("apt-get", [...network, "update"], { env: quiet, limitMs: 120_000 });
  const args = [...network, "install", "-y", "--no-install-recommends", "libtorch-dev"];
  const result = await runCommand("apt-get", args, { env: quiet, limitMs: 15 * 60_000 });
  if (result.code === 0) return { installed: true };
  return {
    installed: false,
    problem: "apt-get could not install libtorch-dev",
    details: tail(result.output, 6),
  };
}
