// @ts-check
// Kills runs at random places and looks whether every restart goes on from the last completed checkpoint:
//   node scripts/kill-runs.mjs [--times 300] [--nproc 2] [--minutes 20] [--seed 1]
// It ends after so many kills or minutes, whichever comes first, and compares the run's numbers with those of one
// that was never killed.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findCheckpoint } from "../packages/core/dist/checkpoint/find.js";
import {
  lastMetrics,
  lastRun,
  readTiny,
  startHyfw,
  tinyOption,
  train,
  worstDifference,
  writeTinyConfig,
} from "../packages/core/dist/launch/hyfw-process.fixture.js";

/**
 * @typedef {object} KillOrder
 * @property {number} times
 * @property {number} nproc
 * @property {number} seed
 * @property {number} limitMs
 * @property {(text: string) => void} say
 *
 * @typedef {object} KillReport
 * @property {number} kills
 * @property {number} insideSave kills that left a half-written checkpoint
 * @property {number} step reached in the end
 * @property {number} difference largest difference to a run that was never killed
 * @property {string[]} faults what went wrong
 */

/** Milliseconds that a kill comes after the first step at most. */
const LATEST_MS = 700;

/** @param {number} seed */
function randomFrom(seed) {
  let state = seed >>> 0;
  // Numerical Recipes' generator: enough to choose moments.
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * @param {KillOrder} order
 * @returns {Promise<KillReport>}
 */
export async function killRuns({ times, nproc, seed, limitMs, say }) {
  const root = mkdtempSync(join(tmpdir(), "hyfw-kill-"));
  const random = randomFrom(seed);
  const ends = performance.now() + limitMs;
  const words = [
    ...["--nproc", String(nproc), "--batch-size", String(4 / nproc), "--lr", "0.01", "--use-ema"],
    ...[
      "--ckpt-latest-every",
      "1",
      "--ckpt-every",
      "10",
      "--ckpt-keep",
      "2",
      "--epochs",
      "1000000",
      "--log-every",
      "1",
    ],
  ];
  const killed = join(root, "killed");
  /** @type {KillReport} */
  const report = { kills: 0, insideSave: 0, step: 0, difference: Number.NaN, faults: [] };
  try {
    for (const folder of ["killed", "straight"]) prepare(join(root, folder), nproc);
    while (report.kills < times && performance.now() < ends) {
      const before = await savedStep(killed);
      const resume = before === undefined ? [] : ["--resume"];
      const slow = tinyOption("stepMs", 15);
      const hyfw = startHyfw(killed, [...words, ...resume, "--max-training-steps", "1000000", ...slow]);
      await hyfw.until(
        before === undefined ? /step +\d+\/.*loss/ : /going on from step [\s\S]*step +\d+\/.*loss/,
      );
      const from = Number(/going on from step (\d+)/.exec(hyfw.said.out)?.[1] ?? 0);
      if (from !== (before ?? 0)) report.faults.push(`went on from ${from}, and ${before} was saved`);
      await new Promise((done) => setTimeout(done, random() * LATEST_MS));
      const pids = [hyfw.child.pid ?? 0, ...childrenOf(hyfw.child.pid ?? 0)];
      process.kill(pids[Math.floor(random() * pids.length)] ?? 0, "SIGKILL");
      await hyfw.end;
      for (let turn = 0; turn < 200 && pids.some(lives); turn++)
        await new Promise((done) => setTimeout(done, 50));
      if (pids.some(lives)) report.faults.push("a process outlived its launcher by 10 s");
      report.kills += 1;
      const folder = join(lastRun(killed), "checkpoints");
      if (readdirSync(folder).some((name) => name.endsWith(".partial"))) report.insideSave += 1;
      checkLatest(folder, report.faults);
      if (report.kills % 10 === 0) say(`${report.kills} kills, step ${await savedStep(killed)}`);
    }
    const step = (await savedStep(killed)) ?? 0;
    report.step = step + 3;
    const last = ["--max-training-steps", String(report.step)];
    await train(killed, [...words, "--resume", ...last]);
    await train(join(root, "straight"), [...words, ...last, "--ckpt-latest-every", "0"]);
    const steps = lastMetrics(killed).map((line) => line.step);
    if (steps.length !== report.step || steps.some((one, n) => one !== n + 1))
      report.faults.push(`the metrics have ${steps.length} lines for ${report.step} steps`);
    const [a, b] = ["killed", "straight"].map((name) => readTiny(checkpoint(join(root, name), report.step)));
    report.difference = worstDifference(a ?? {}, b ?? {});
    if (report.difference !== 0) report.faults.push(`numbers differ by ${report.difference}`);
    return report;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** @param {string} cwd @param {number} step */
const checkpoint = (cwd, step) => join(lastRun(cwd), "checkpoints", `step-${String(step).padStart(6, "0")}`);

/** @param {string} cwd @param {number} nproc */
function prepare(cwd, nproc) {
  mkdirSync(cwd);
  writeTinyConfig(cwd, nproc > 1 ? { "accelerator-zero": { stage: 2 } } : {});
}

/**
 * The step of the newest whole checkpoint, its hashes compared; undefined without one.
 * @param {string} cwd
 */
async function savedStep(cwd) {
  const resultsDir = join(cwd, "runs");
  if (!existsSync(resultsDir)) return undefined;
  try {
    return (await findCheckpoint("latest", { resultsDir, cwd })).step;
  } catch {
    return undefined;
  }
}

/** `latest` names a whole checkpoint or is not there. @param {string} folder @param {string[]} faults */
function checkLatest(folder, faults) {
  const file = join(folder, "latest");
  if (!existsSync(file)) return;
  const name = readFileSync(file, "utf8").trim();
  if (!existsSync(join(folder, name, "manifest.json")))
    faults.push(`latest names ${name}, which is not whole`);
}

/** @param {number} pid */
function lives(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Process ids of a process's children, as Linux lists them. @param {number} pid */
function childrenOf(pid) {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/stat`, "utf8");
        const parent = Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]);
        return parent === pid ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      times: { type: "string", default: "300" },
      nproc: { type: "string", default: "1" },
      minutes: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
    },
  });
  const nproc = Number(values.nproc);
  const report = await killRuns({
    times: Number(values.times),
    nproc,
    seed: Number(values.seed),
    limitMs: Number(values.minutes) * 60_000,
    say: (text) => process.stdout.write(`${text}\n`),
  });
  const { kills, insideSave, step, faults } = report;
  process.stdout.write(
    `${kills} kills on ${nproc} process(es), ${insideSave} inside a save, step ${step} reached, ${faults.length} fault(s)\n${faults.map((one) => `  ${one}\n`).join("")}`,
  );
  process.exitCode = faults.length > 0 ? 1 : 0;
}
