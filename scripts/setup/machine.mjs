// @ts-check
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { findProgram, runCommand } from "./command.mjs";

/** Instructions that libtorch's kernels choose by, as /proc/cpuinfo spells them. */
const cpuFlags = ["avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_tile"];

/**
 * The processor, with the instructions that matter for training; `flags` is undefined where they cannot be read.
 * @returns {{ model: string, threads: number, flags: string[] | undefined }}
 */
export function processor() {
  const model = cpus()[0]?.model ?? "unknown";
  try {
    const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    const found = new Set(line.trim().split(/\s+/));
    return { model, threads: availableParallelism(), flags: cpuFlags.filter((flag) => found.has(flag)) };
  } catch {
    return { model, threads: availableParallelism(), flags: undefined };
  }
}

/** Bytes of memory: what this process may use (a container's limit where there is one), and what is free now. */
export function memory() {
  const total = totalmem();
  const limit = process.constrainedMemory?.() ?? 0;
  const mayUse = limit > 0 && limit < total ? limit : total;
  // /proc counts memory that caches would give back; os.freemem does not.
  let free = freemem();
  try {
    free =
      Number(/^MemAvailable:\s*(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? free / 1024) *
      1024;
  } catch {
    // No /proc: freemem it is.
  }
  return { total: mayUse, free: Math.min(free, mayUse) };
}

/**
 * The first line with a version number of what `program args` prints, or undefined when it is not there.
 * @param {string} program
 * @param {readonly string[]} [args]
 * @param {NodeJS.ProcessEnv} [env]
 */
export async function versionLine(program, args = ["--version"], env = process.env) {
  if (!program.includes("/") && findProgram(program, env) === undefined) return undefined;
  const { code, output } = await runCommand(program, args, { env, limitMs: 20_000 });
  return code === 0
    ? output
        .split("\n")
        .find((line) => /\d+\.\d+/.test(line))
        ?.trim()
    : undefined;
}

/**
 * NVIDIA cards as the driver reports them.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ driver: string, cards: string[] } | undefined>} undefined when nvidia-smi does not answer
 */
export async function nvidiaCards(env = process.env) {
  if (findProgram("nvidia-smi", env) === undefined) return undefined;
  const query = ["--query-gpu=driver_version,name,memory.total,compute_cap", "--format=csv,noheader"];
  const { code, stdout } = await runCommand("nvidia-smi", query, { env, limitMs: 20_000 });
  if (code !== 0) return undefined;
  const rows = stdout
    .trim()
    .split("\n")
    .filter((row) => row !== "")
    .map((row) => row.split(",").map((cell) => cell.trim()));
  const cards = rows.map(
    ([, name, size, capability]) => `${name}, ${size}, compute capability ${capability}`,
  );
  return { driver: rows[0]?.[0] ?? "unknown", cards };
}
