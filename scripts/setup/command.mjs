// @ts-check
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * What a program did. `output` is standard output and error, in the order they came; `code` is null when the
 * program could not be started or was ended for running past its limit.
 * @typedef {{ code: number | null, stdout: string, output: string, timedOut: boolean }} CommandResult
 */

/**
 * @typedef {object} CommandOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [limitMs] the program and all it started are ended after this long
 * @property {boolean} [live] also show the output while it comes
 */

/**
 * Runs a program to its end and gives what it printed; never throws and never reads standard input.
 * The program gets a process group of its own, so that a time-out also ends what it started.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<CommandResult>}
 */
export function runCommand(program, args, { cwd, env, limitMs, live = false } = {}) {
  return new Promise((resolve) => {
    let stdout = "";
    let output = "";
    let timedOut = false;
    const child = spawn(program, [...args], {
      ...(cwd === undefined ? {} : { cwd }),
      env: env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // Already gone.
      }
    };
    const timer =
      limitMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            end();
          }, limitMs);
    // In its own group the program does not see Ctrl-C, so it is passed on.
    const onSignal = () => {
      end();
      process.exit(130);
    };
    process.once("SIGINT", onSignal);
    process.once("SIGTERM", onSignal);
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      output += chunk;
      if (live) process.stdout.write(chunk);
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
      if (live) process.stderr.write(chunk);
    });
    /** @param {number | null} code */
    const finish = (code) => {
      clearTimeout(timer);
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
      resolve({ code: timedOut ? null : code, stdout, output, timedOut });
    };
    child.on("error", (error) => {
      output += `${error.message}\n`;
      finish(null);
    });
    child.on("close", finish);
  });
}

/**
 * The full path of a program on PATH, or undefined.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | undefined}
 */
export function findProgram(name, env = process.env) {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/**
 * The last lines of a program's output, indented: enough to see why it failed.
 * @param {string} output
 * @param {number} [lines]
 */
export function tail(output, lines = 15) {
  return output
    .trimEnd()
    .split("\n")
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join("\n");
}
