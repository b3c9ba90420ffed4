// @ts-check
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/**
 * Starts a program of `benchmarks/python` with the torch package that a libtorch belongs to. It prints one line of facts,
 * then for each `run N` one line with N times in milliseconds.
 * @template Facts
 * @param {string} program its file name
 * @param {object} job what it is told, as JSON
 * @param {string} prefix libtorch's folder
 */
export async function startPython(program, job, prefix) {
  const path = [dirname(prefix), process.env.PYTHONPATH].filter((part) => part).join(":");
  const script = fileURLToPath(new URL(`python/${program}`, import.meta.url));
  const child = spawn("python3", [script, JSON.stringify(job)], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, PYTHONPATH: path },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done)
      throw new Error(
        "the Python side ended: is there a python3 that can load this libtorch's torch package?",
      );
    return JSON.parse(value);
  };
  return {
    facts: /** @type {Facts} */ (await read()),
    /** @param {number} count @returns {Promise<number[]>} */
    turn: (count) => {
      child.stdin.write(`run ${count}\n`);
      return read();
    },
    end: () => child.stdin.end(),
  };
}
