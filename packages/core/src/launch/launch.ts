import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { listCheckpoints } from "../checkpoint/list.js";
import type { CommandIo } from "../cli/command.js";
import { rankEnded } from "../errors/launch.js";
import { within } from "../run/within.js";
import type { LaunchOrder } from "./launch-options.js";
import type { LaunchMessage } from "./messages.js";
import { RankProcess } from "./rank-process.js";

/** Exit codes that the launcher tells apart; as the command's. */
const DONE = 0;
const USAGE = 2;
const INTERRUPTED = 130;

/** How long other processes may take to say what went wrong with them, before the first report is believed. */
const REPORTS_MS = 1000;
/** How long processes may take to end after they were asked to because another one failed. */
const END_MS = 5000;

/** How one attempt ended. */
interface Attempt {
  readonly code: number;
  /** Folder of the run, once there was one. */
  readonly runDir: string | undefined;
}

/**
 * Starts the processes of this machine and watches them. When one fails, its error is printed, the others are ended
 * within seconds, and the run is started again from its last good checkpoint as often as the order allows. The first
 * signal is passed on, so that they save and end; a second one ends everything at once.
 * @param words the command line that each process gets, without the launcher's own flags
 * @param program what runs them, before the words
 * @returns the exit code
 */
export async function launch(
  order: LaunchOrder,
  words: readonly string[],
  { program, io }: { readonly program: readonly string[]; readonly io: CommandIo },
): Promise<number> {
  let argv = words;
  for (let attempt = 0; ; attempt++) {
    const { code, runDir } = await runOnce(order, { attempt, command: [...program, ...argv], io });
    if (code === DONE || code === USAGE || code === INTERRUPTED || io.signal.aborted) return code;
    if (attempt >= order.maxRestarts) return code;
    const isSaved = runDir !== undefined && (await hasCheckpoint(runDir));
    if (isSaved) argv = [...withoutResume(words), "--resume", runDir];
    const from = isSaved ? `the last good checkpoint of ${runDir}` : "the start, since nothing was saved yet";
    io.stderr.write(`restart ${attempt + 1} of ${order.maxRestarts}, from ${from}\n`);
  }
}

interface AttemptFacts {
  readonly attempt: number;
  readonly command: readonly string[];
  readonly io: CommandIo;
}

async function runOnce(order: LaunchOrder, { attempt, command, io }: AttemptFacts): Promise<Attempt> {
  const { nproc, nnodes, nodeRank, host } = order;
  const port = order.port === undefined ? await freePort() : order.port + attempt;
  const worldSize = nproc * nnodes;
  const failures: Failure[] = [];
  let runDir: string | undefined;
  let onFailure: () => void = () => undefined;
  const failed = new Promise<void>((resolve) => {
    onFailure = resolve;
  });
  const onMessage = (message: LaunchMessage, { rank }: RankProcess): void => {
    if (message.kind === "run") runDir = message.runDir;
    else failures.push({ rank, text: message.text, isEcho: message.isEcho });
  };
  const onEnd = (one: RankProcess): void => {
    if (!isFailure(one, io.signal.aborted)) return;
    if (!failures.some(({ rank }) => rank === one.rank)) failures.push(silentFailure(one));
    onFailure();
  };
  const threads = String(Math.max(1, Math.floor(availableParallelism() / nproc)));
  const ranks = Array.from({ length: nproc }, (_unused, localRank) => {
    const rank = nodeRank * nproc + localRank;
    const env = {
      OMP_NUM_THREADS: threads,
      ...io.env,
      RANK: String(rank),
      LOCAL_RANK: String(localRank),
      WORLD_SIZE: String(worldSize),
      LOCAL_WORLD_SIZE: String(nproc),
      MASTER_ADDR: host,
      MASTER_PORT: String(port),
      TORCHELASTIC_RESTART_COUNT: String(attempt),
      HYFW_LAUNCHED: "1",
    };
    return new RankProcess({ rank, command, env, io, onMessage, onEnd });
  });
  const passOn = (): void => {
    for (const one of ranks) one.signal("SIGTERM");
  };
  if (io.signal.aborted) passOn();
  io.signal.addEventListener("abort", passOn);
  const allEnded = Promise.all(ranks.map(({ end }) => end));
  try {
    await Promise.race([allEnded, failed]);
    if (failures.length > 0) await endOthers(ranks, allEnded);
    await allEnded;
  } finally {
    io.signal.removeEventListener("abort", passOn);
  }
  if (failures.length === 0) {
    const isInterrupted = io.signal.aborted || ranks.some(({ ended }) => ended?.code === INTERRUPTED);
    return { code: isInterrupted ? INTERRUPTED : DONE, runDir };
  }
  // The error of the process that failed by itself is the news; the others only lost it.
  const first = failures.find(({ isEcho }) => !isEcho) ?? failures[0];
  const code = ranks.find(({ rank }) => rank === first?.rank)?.ended?.code;
  // What a person wrote is wrong for all of them alike.
  const prefix = code === USAGE ? "" : `rank ${first?.rank} of ${worldSize} failed:\n`;
  io.stderr.write(`${prefix}${first?.text}\n`);
  return { code: code === null || code === undefined || code === DONE ? 1 : code, runDir };
}

interface Failure {
  readonly rank: number;
  readonly text: string;
  readonly isEcho: boolean;
}

function isFailure({ ended }: RankProcess, isStopping: boolean): boolean {
  if (ended === undefined || ended.code === DONE || ended.code === INTERRUPTED) return false;
  return !(isStopping && ended.signal === "SIGTERM");
}

function silentFailure({ rank, ended, lastLines }: RankProcess): Failure {
  const how = ended?.signal ? `was ended by ${ended.signal}` : `ended with exit code ${ended?.code}`;
  return { rank, text: rankEnded(rank, how, lastLines).message, isEcho: false };
}

async function endOthers(ranks: readonly RankProcess[], allEnded: Promise<unknown>): Promise<void> {
  await within(REPORTS_MS, allEnded);
  for (const one of ranks) one.signal("SIGTERM");
  await within(END_MS, allEnded);
  for (const one of ranks) one.signal("SIGKILL");
}

async function hasCheckpoint(runDir: string): Promise<boolean> {
  if (!existsSync(runDir)) return false;
  const { complete } = await listCheckpoints(join(runDir, "checkpoints"));
  return complete.length > 0;
}

/** A command line without `--resume` and its word. */
function withoutResume(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? "";
    if (word.startsWith("--resume=")) continue;
    if (word !== "--resume") kept.push(word);
    else if (!(words[n + 1] ?? "--").startsWith("--")) n += 1;
  }
  return kept;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
