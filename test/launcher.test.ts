import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { noProcessGroups } from "@hyfw/native";
import t from "tap";
import {
  lastMetrics,
  lastRun,
  startHyfw,
  tinyOption,
  train,
  writeTinyConfig,
} from "../packages/core/src/launch/hyfw-process.fixture.js";
import { RankProcess } from "../packages/core/src/launch/rank-process.js";

const skip = noProcessGroups() === "" ? false : noProcessGroups();
const TWO = ["--nproc", "2", "--batch-size", "2", "--lr", "0.05"];

/** Whether a process is still there. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

t.test(
  "the error of the process that failed comes first, and the others end within seconds",
  { skip },
  async (t) => {
    const cwd = t.testdir({});
    writeTinyConfig(cwd);
    const started = performance.now();
    const hyfw = startHyfw(cwd, [...TWO, ...tinyOption("failAt", 5)]);
    const { code } = await hyfw.end;
    const seconds = (performance.now() - started) / 1000;
    t.equal(code, 1);
    t.match(hyfw.said.err, /^rank \d of 2 failed:\n.*row 5 cannot be read/m);
    t.notMatch(hyfw.said.err, /HYFW_WORLD_PEER|Connection closed/, "not what it did to the others");
    t.ok(seconds < 20, `all had ended after ${seconds.toFixed(1)} s`);
  },
);

t.test("a process that is killed ends the run with its rank and the signal", { skip }, async (t) => {
  const cwd = t.testdir({});
  writeTinyConfig(cwd);
  const hyfw = startHyfw(cwd, [...TWO, ...tinyOption("killAt", 5)]);
  const { code } = await hyfw.end;
  t.equal(code, 1);
  t.match(hyfw.said.err, /rank \d of 2 failed:\nHYFW_LAUNCH_RANK: rank \d was ended by SIGKILL/);
});

for (const signal of ["SIGTERM", "SIGINT"] as const)
  t.test(`${signal} lets the step end, saves on all processes and leaves`, { skip }, async (t) => {
    const cwd = t.testdir({});
    writeTinyConfig(cwd, { "accelerator-zero": { stage: 2 } });
    const hyfw = startHyfw(cwd, [
      ...TWO,
      "--max-training-steps",
      "100000",
      "--epochs",
      "100000",
      ...tinyOption("stepMs", 50),
    ]);
    await hyfw.until(/step +3\//);
    hyfw.child.kill(signal);
    t.equal((await hyfw.end).code, 130);
    t.match(hyfw.said.out, /stopped at step \d+; go on with: hyfw --resume/);
    const steps = lastMetrics(cwd).length;
    const saved = join(lastRun(cwd), "checkpoints", `step-${String(steps).padStart(6, "0")}`);
    t.ok(existsSync(join(saved, "manifest.json")), `the checkpoint of step ${steps}, the last one, is whole`);
    await train(cwd, [...TWO, "--resume", "--max-training-steps", String(steps + 2)]);
    t.equal(lastMetrics(cwd).length, steps + 2, "and the run goes on from it");
  });

t.test("a run that fails is started again from its last good checkpoint", { skip }, async (t) => {
  const cwd = t.testdir({});
  writeTinyConfig(cwd);
  const words = ["--max-training-steps", "10", "--ckpt-latest-every", "1", "--max-restarts", "1"];
  const kill = [...tinyOption("killAtStep", 6), ...tinyOption("stepMs", 100)];
  const hyfw = startHyfw(cwd, [...TWO, ...words, ...kill]);
  t.equal((await hyfw.end).code, 0, hyfw.said.err);
  t.match(hyfw.said.err, /was ended by SIGKILL/);
  t.match(hyfw.said.err, /restart 1 of 1, from the last good checkpoint of/);
  t.match(hyfw.said.out, /going on from step \d+/);
  t.equal(readdirSync(join(cwd, "runs")).length, 1, "in the same run folder");
  t.equal(lastMetrics(cwd).length, 10);
});

t.test("wrong settings are told once and nothing is started again", { skip }, async (t) => {
  const cwd = t.testdir({});
  writeTinyConfig(cwd);
  const hyfw = startHyfw(cwd, [...TWO, "--max-restarts", "3", "--set", "train.lrr=1"]);
  t.equal((await hyfw.end).code, 2);
  t.equal(hyfw.said.err.match(/HYFW_SETTING_UNKNOWN/g)?.length, 1, hyfw.said.err);
  t.notMatch(hyfw.said.err, /restart/);
});

t.test("processes end with their launcher, also when it is killed", { skip }, async (t) => {
  const cwd = t.testdir({});
  writeTinyConfig(cwd);
  const words = ["--max-training-steps", "100000", "--epochs", "100000", ...tinyOption("stepMs", 50)];
  const hyfw = startHyfw(cwd, [...TWO, ...words], { HYFW_DEBUG: "1" });
  await hyfw.until(/step +2\//);
  const pids = childrenOf(hyfw.child.pid ?? 0);
  t.equal(pids.length, 2);
  hyfw.child.kill("SIGKILL");
  await hyfw.end;
  for (let turn = 0; turn < 100 && pids.some(lives); turn++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  t.notOk(pids.some(lives), "none is left after 5 s");
});

/** Process ids of a process's children, as Linux lists them. */
function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/stat`, "utf8");
        return Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]) === pid ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
}

t.test("processes that torchrun or srun would start train together", { skip }, async (t) => {
  const port = String(20_000 + (process.pid % 10_000));
  const torchrun = (rank: number) => ({
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: "2",
    LOCAL_WORLD_SIZE: "2",
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: port,
  });
  const srun = (rank: number) => ({
    SLURM_STEP_ID: "0",
    SLURM_JOB_ID: String(7000 + (process.pid % 3000)),
    SLURM_PROCID: String(rank),
    SLURM_LOCALID: String(rank),
    SLURM_NTASKS: "2",
    SLURM_STEP_TASKS_PER_NODE: "2",
    SLURM_NODEID: "0",
    SLURM_STEP_NODELIST: "localhost",
  });
  for (const [name, env] of Object.entries({ torchrun, srun })) {
    const cwd = t.testdir({});
    writeTinyConfig(cwd);
    const words = ["--batch-size", "2", "--max-training-steps", "3"];
    const both = [0, 1].map((rank) => startHyfw(cwd, words, env(rank)));
    const codes = await Promise.all(both.map(async ({ end }) => (await end).code));
    t.strictSame(codes, [0, 0], `${name}: ${both.map(({ said }) => said.err).join("")}`);
    t.match(both[0]?.said.out, /step 3\/3/);
    t.equal(both[1]?.said.out, "", `${name}: rank 0 alone has the terminal`);
    t.equal(readdirSync(join(cwd, "runs")).length, 1, `${name}: one run`);
  }
});

t.test("processes with other settings than rank 0's are refused", { skip }, async (t) => {
  const cwd = t.testdir({});
  writeTinyConfig(cwd);
  const port = String(30_000 + (process.pid % 10_000));
  const env = (rank: number) => ({
    RANK: String(rank),
    WORLD_SIZE: "2",
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: port,
  });
  const both = [0, 1].map((rank) => startHyfw(cwd, ["--lr", rank === 0 ? "0.1" : "0.2"], env(rank)));
  const codes = await Promise.all(both.map(async ({ end }) => (await end).code));
  t.strictSame(codes, [2, 2]);
  t.match(
    both[1]?.said.err,
    /\[rank 1\] HYFW_WORLD_SETTING_DIFFERS: rank 1 does not train the same as rank 0/,
  );
});

t.test("words of a process are prefixed with its rank", async (t) => {
  const said = { out: "", err: "" };
  const sink = (key: "out" | "err") =>
    new Writable({
      write: (chunk, _encoding, done) => {
        said[key] += String(chunk);
        done();
      },
    });
  const io = { stdout: sink("out"), stderr: sink("err"), cwd: t.testdir({}) };
  const script = 'console.log("a\\nb"); console.error("c"); process.exitCode = 7;';
  const one = new RankProcess({
    rank: 3,
    command: [process.execPath, "-e", script],
    env: {},
    io,
    onMessage: () => undefined,
    onEnd: () => undefined,
  });
  await one.end;
  t.strictSame(said, { out: "[rank 3] a\n[rank 3] b\n", err: "[rank 3] c\n" });
  t.match(one.ended, { code: 7 });
});
