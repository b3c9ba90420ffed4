import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSafetensors, Scope } from "@hyfw/native";
import { SavedStretches } from "../checkpoint/saved-stretches.js";
import { type MetricsLine, readMetrics } from "../run/metrics.js";

const HYFW = fileURLToPath(new URL("../../../../bin/hyfw.js", import.meta.url));
const TINY = fileURLToPath(new URL("../../dist/launch/tiny-plugin.fixture.js", import.meta.url));

/** A running `hyfw` and what it has said. */
export interface HyfwProcess {
  readonly child: ChildProcess;
  readonly said: { out: string; err: string };
  /** Exit code and the signal that ended it. */
  readonly end: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Settles when the output has a text. */
  until(text: string | RegExp): Promise<void>;
}

/**
 * A config file for the tiny run in a folder; settings beside come as `--set`.
 * @param ownOptimizer whether the tiny run's own is used, or one of `plugins`
 */
export function writeTinyConfig(
  cwd: string,
  plugins: Readonly<Record<string, object>> = {},
  ownOptimizer = true,
): void {
  const tiny = ownOptimizer ? TINY : TINY.replace("tiny-plugin", "tiny-rest");
  const config = { run: { threads: 1 }, log: { every: 1 }, plugins: { [tiny]: {}, ...plugins } };
  writeFileSync(join(cwd, "hyfw.config.json"), JSON.stringify(config));
}

/** `--set` words for options of the tiny plugin. */
export function tinyOption(name: string, value: number): string[] {
  return ["--set", `plugins.${JSON.stringify(TINY)}.${name}=${value}`];
}

/** Starts `hyfw` with words, in a folder. */
export function startHyfw(cwd: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): HyfwProcess {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(RANK|WORLD_SIZE|LOCAL_|MASTER_|NODE_OPTIONS|SLURM)/.test(name),
    ),
  );
  const child = spawn(process.execPath, [HYFW, ...words], {
    cwd,
    env: { ...clean, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  const waiting = new Set<() => void>();
  const hear = (key: "out" | "err") => (chunk: Buffer) => {
    said[key] += chunk.toString();
    for (const look of waiting) look();
  };
  child.stdout.on("data", hear("out"));
  child.stderr.on("data", hear("err"));
  const end = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal })),
  );
  const until = (text: string | RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!new RegExp(text).test(said.out + said.err)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void end.then(() => reject(new Error(`it ended without saying ${text}:\n${said.out}\n${said.err}`)));
    });
  return { child, said, end, until };
}

/** Folder of the last run in `cwd/runs`. */
export function lastRun(cwd: string): string {
  const last = readdirSync(join(cwd, "runs"))
    .filter((name) => /^\d+-/.test(name))
    .sort()
    .at(-1);
  return join(cwd, "runs", last ?? "");
}

/** Metrics of the last run. */
export function lastMetrics(cwd: string): MetricsLine[] {
  return readMetrics(lastRun(cwd));
}

/** Everything that a checkpoint of the tiny run holds, whole: weights, moving averages, momenta. */
export function readTiny(checkpoint: string): Record<string, number[]> {
  using scope = new Scope();
  const file = openSafetensors(join(checkpoint, "model.safetensors"));
  const averages = SavedStretches.ema(checkpoint);
  const momenta = SavedStretches.optimizer(checkpoint);
  const numbers: Record<string, number[]> = {};
  for (const name of file.names()) {
    // A whole parameter, as far as reading cares.
    const slot = { name, shape: file.entry(name).shape };
    numbers[name] = scope.run(() => file.get(name).toArray());
    if (averages !== undefined)
      numbers[`${name}, average`] = scope.run(() => averages.read(name, slot).toArray());
    if (momenta !== undefined)
      numbers[`${name}, momentum`] = scope.run(() => momenta.read(`${name}.momentum`, slot).toArray());
  }
  return numbers;
}

/** Folder of a step's checkpoint in the last run of `cwd`. */
export function checkpointOf(cwd: string, step: number): string {
  return join(lastRun(cwd), "checkpoints", `step-${String(step).padStart(6, "0")}`);
}

/** Trains the tiny run in a folder until it ends. @throws when it ends badly, with everything it said */
export async function train(cwd: string, words: readonly string[]): Promise<string> {
  const { end, said } = startHyfw(cwd, words);
  const { code } = await end;
  if (code !== 0) throw new Error(`hyfw ${words.join(" ")} ended with ${code}\n${said.out}\n${said.err}`);
  return said.out;
}

/** Largest difference between two sets of numbers by name. */
export function worstDifference(
  a: Readonly<Record<string, readonly number[]>>,
  b: Readonly<Record<string, readonly number[]>>,
): number {
  if (Object.keys(a).sort().join() !== Object.keys(b).sort().join()) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [name, numbers] of Object.entries(a)) {
    if (numbers.length !== b[name]?.length) return Number.POSITIVE_INFINITY;
    for (const [n, number] of numbers.entries()) {
      const difference = Math.abs(number - (b[name]?.[n] ?? Number.NaN));
      // NaN must not pass for equal.
      if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    }
  }
  return worst;
}
