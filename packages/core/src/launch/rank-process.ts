import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { CommandIo } from "../cli/command.js";
import { type LaunchMessage, readMessage } from "./messages.js";

/** What one process is started with. */
export interface RankOrder {
  readonly rank: number;
  /** Program and its words. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly io: Pick<CommandIo, "stdout" | "stderr" | "cwd">;
  readonly onMessage: (message: LaunchMessage, from: RankProcess) => void;
  readonly onEnd: (from: RankProcess) => void;
}

/** Lines of a process that are kept for the case that it ends without a word. */
const KEPT_LINES = 12;

/** One process that trains, its words prefixed with its rank; rank 0 has the terminal. */
export class RankProcess {
  readonly rank: number;
  /** How it ended; undefined while it lives. */
  ended: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;
  readonly lastLines: string[] = [];
  /** Settles when it has ended. */
  readonly end: Promise<void>;
  private readonly child: ChildProcess;

  constructor({ rank, command, env, io, onMessage, onEnd }: RankOrder) {
    this.rank = rank;
    const [program = process.execPath, ...words] = command;
    const isTerminal = rank === 0 && io.stdout === process.stdout;
    this.child = spawn(program, words, {
      cwd: io.cwd,
      env,
      // A group of its own: Ctrl-C reaches the launcher only, which passes it on once.
      detached: true,
      stdio: ["ignore", isTerminal ? "inherit" : "pipe", "pipe", "ipc"],
    });
    if (rank === 0) this.child.stdout?.on("data", (chunk: Buffer) => io.stdout.write(chunk));
    else this.prefix(this.child.stdout, io.stdout);
    this.prefix(this.child.stderr, io.stderr);
    this.child.on("message", (value) => {
      const message = readMessage(value);
      if (message !== undefined) onMessage(message, this);
    });
    this.end = new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (this.ended !== undefined) return;
        this.ended = { code, signal };
        onEnd(this);
        resolve();
      };
      this.child.on("close", finish);
      this.child.on("error", (fault) => {
        this.lastLines.push(fault.message);
        finish(1, null);
      });
    });
  }

  /** Sends a signal to the process, if it still lives. */
  signal(signal: NodeJS.Signals): void {
    if (this.ended === undefined) this.child.kill(signal);
  }

  private prefix(from: NodeJS.ReadableStream | null, to: NodeJS.WritableStream): void {
    if (from === null) return;
    createInterface({ input: from }).on("line", (line) => {
      this.lastLines.push(line);
      if (this.lastLines.length > KEPT_LINES) this.lastLines.shift();
      to.write(`[rank ${this.rank}] ${line}\n`);
    });
  }
}
