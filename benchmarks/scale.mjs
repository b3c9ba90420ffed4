// @ts-check
// Several processes on this machine over Gloo, one thread each:
//   node benchmarks/scale.mjs [--rounds 5] [--steps 3] [--only step|start|stall] [--out FILE]
// step   time of a step with 2 processes: averaged gradients, ZeRO 1, 2, 3, and PyTorch's DistributedDataParallel of
//        the same model, taking turns in one run; bytes that each process holds beside what the formula says
// start  from the command to the first step, 8 processes, tiny model
// stall  how long saving in the background holds steps up, one save per 50 steps
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { torchVersion } from "@hyfw/native";
import {
  lastMetrics,
  startHyfw,
  train,
  writeTinyConfig,
} from "../packages/core/dist/launch/hyfw-process.fixture.js";
import { readRecord, recordPath } from "../scripts/setup/native-record.mjs";
import { root } from "../scripts/setup/paths.mjs";

const WORLD = 2;
/** @type {import("./synthetic-run.mjs").Shape} */
const SHAPE = {
  ...{
    hidden: 384,
    depth: 6,
    heads: 6,
    mlpRatio: 4.3637,
    textWidth: 384,
    t5Width: 384,
    textLen: 77,
    t5Len: 128,
  },
  ...{ pooledWidth: 1024, channels: 4, latent: 32, batch: 2, threads: 1, dtype: "fp32" },
};

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    steps: { type: "string", default: "3" },
    only: { type: "string" },
    out: { type: "string" },
  },
});
/** @param {string} name */
const isAsked = (name) => values.only === undefined || values.only === name;
/** @type {Record<string, unknown>} */
const results = {};
if (isAsked("step")) results.step = await stepTimes(Number(values.rounds), Number(values.steps));
if (isAsked("start")) results.start = await startTime(8);
if (isAsked("stall")) results.stall = await saveStall();
const record = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  libtorch: torchVersion(),
  ...results,
};
process.stdout.write(`${JSON.stringify(record, null, 2)}\n`);
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(record, null, 2)}\n`);

/**
 * @param {number} rounds
 * @param {number} steps
 */
async function stepTimes(rounds, steps) {
  const python = await startTeam("PyTorch DDP", pythonCommand());
  const stages = [0, 1, 2, 3].map((stage) =>
    startTeam(stage === 0 ? "averaged gradients" : `ZeRO ${stage}`, [
      process.execPath,
      join(root, "benchmarks", "scale-rank.mjs"),
      JSON.stringify({ shape: SHAPE, stage }),
    ]),
  );
  const teams = [
    ...(python === undefined ? [] : [python]),
    ...(await Promise.all(stages)).flatMap((one) => one ?? []),
  ];
  for (const team of teams) await team.turn(1);
  for (let round = 0; round < rounds; round++)
    for (const team of teams) team.times.push(...(await team.turn(steps)));
  for (const team of teams) await team.close();
  const base = median(python?.times ?? []);
  return teams.map(({ name, times, facts }) => ({
    name,
    medianMs: round3(median(times)),
    ...(python !== undefined && { ofDdp: round3(median(times) / base) }),
    parameters: facts.parameters,
    ...(facts.held !== undefined && {
      held: facts.held.map((held) => compare(held, facts.parameters, name)),
    }),
  }));
}

/**
 * Bytes held beside what ZeRO's formula says: states 8 bytes per parameter and weights 4, divided where they are spread.
 * @param {{ weights: number, states: number }} held
 * @param {number} parameters
 * @param {string} name
 */
function compare(held, parameters, name) {
  const stage = Number(/ZeRO (\d)/.exec(name)?.[1] ?? 0);
  const states = (8 * parameters) / (stage >= 1 ? WORLD : 1);
  const weights = (4 * parameters) / (stage >= 3 ? WORLD : 1);
  return {
    ...held,
    statesOfFormula: round3(held.states / states),
    weightsOfFormula: round3(held.weights / weights),
  };
}

/** The Python whose torch the addon was built with; undefined without one. */
function pythonCommand() {
  const prefix = readRecord(recordPath(root))?.torch.prefix ?? "";
  if (prefix === "") return undefined;
  return ["python3", join(root, "benchmarks", "python", "train_step.py"), JSON.stringify(SHAPE)];
}

/**
 * @param {string} name
 * @param {readonly string[] | undefined} command
 */
async function startTeam(name, command) {
  if (command === undefined) return undefined;
  const port = String(await freePort());
  const [program = "", ...words] = command;
  const torch = dirname(readRecord(recordPath(root))?.torch.prefix ?? "");
  const members = Array.from({ length: WORLD }, (_unused, rank) => {
    const child = spawn(program, words, {
      env: {
        ...process.env,
        PYTHONPATH: torch,
        OMP_NUM_THREADS: "1",
        RANK: String(rank),
        WORLD_SIZE: String(WORLD),
        MASTER_ADDR: "127.0.0.1",
        MASTER_PORT: port,
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { child, lines };
  });
  const said = async () =>
    Promise.all(
      members.map(async ({ lines }) => {
        const { value, done } = await lines.next();
        return done ? undefined : JSON.parse(value);
      }),
    );
  const facts = await said();
  if (facts.includes(undefined)) {
    process.stdout.write(`${name} did not start; left out\n`);
    return undefined;
  }
  return {
    name,
    facts: {
      parameters: Number(facts[0].parameters),
      held: facts[0].held === undefined ? undefined : facts.map(({ held }) => held),
    },
    /** @type {number[]} */
    times: [],
    /** @param {number} steps */
    turn: async (steps) => {
      for (const { child } of members) child.stdin.write(`turn ${steps}\n`);
      const [first] = await said();
      return /** @type {number[]} */ (first);
    },
    close: async () => {
      const ends = members.map(({ child }) => new Promise((done) => child.on("close", done)));
      for (const { child } of members) child.stdin.end();
      await Promise.all(ends);
    },
  };
}

/** Seconds from the command to the first step. @param {number} nproc */
async function startTime(nproc) {
  const cwd = mkdtempSync(join(tmpdir(), "hyfw-start-"));
  try {
    writeTinyConfig(cwd);
    const started = performance.now();
    const words = ["--nproc", String(nproc), "--batch-size", "1", "--max-training-steps", "2"];
    const hyfw = startHyfw(cwd, words);
    await hyfw.until(/step 1\//);
    const seconds = (performance.now() - started) / 1000;
    await hyfw.end;
    return { nproc, seconds: round3(seconds) };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** What one save per 50 steps costs, as a share of the steps' time; demo's model and data. */
async function saveStall() {
  const cwd = mkdtempSync(join(tmpdir(), "hyfw-stall-"));
  try {
    const words = [
      "--preset",
      "demo",
      "--results-dir",
      join(cwd, "runs"),
      "--max-training-steps",
      "120",
      "--log-every",
      "10",
    ];
    const quiet = ["--sample-every", "0", "--set", "checkpoint.every=0"];
    /** @param {number} every */
    const once = async (every) => {
      await train(cwd, [...words, ...quiet, "--ckpt-latest-every", String(every)]);
      const lines = lastMetrics(cwd).slice(2);
      const steps = lines.map(({ wallMs }) => wallMs * 10);
      const between = lines.map(({ betweenStepsMs }) => betweenStepsMs);
      const sum = (/** @type {number[]} */ list) => list.reduce((a, b) => a + b, 0);
      return {
        stepMs: round3(sum(steps) / (10 * lines.length)),
        betweenMs: round3(sum(between)),
        steps: 10 * lines.length,
      };
    };
    const without = await once(0);
    const withSaves = await once(50);
    const stalled = withSaves.betweenMs - without.betweenMs;
    return { without, withSaves, stallShare: round3(stalled / (withSaves.stepMs * withSaves.steps)) };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** @param {readonly number[]} list */
function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** @param {number} number */
function round3(number) {
  return Math.round(number * 1000) / 1000;
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
