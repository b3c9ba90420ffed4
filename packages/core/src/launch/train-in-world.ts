import { Writable } from "node:stream";
import type { CommandIo } from "../cli/command.js";
import { peerFailed } from "../errors/world.js";
import type { ResolvedSettings } from "../preset/resolve.js";
import { openRun } from "../run/container.js";
import { runTraining } from "../run/train.js";
import { joinWorld, World } from "../run/world.js";
import type { LaunchOrder } from "./launch-options.js";
import { endWithLauncher, tellLauncher } from "./messages.js";

/**
 * Meets the other processes, if there are any, trains, and leaves them, whatever happens.
 * @param planned processes that a dry run plans for
 */
export async function trainInWorld(
  resolved: ResolvedSettings,
  io: CommandIo,
  planned: LaunchOrder | undefined,
  dryRun: boolean,
): Promise<void> {
  endWithLauncher(() => process.exit(1));
  const world = dryRun
    ? World.planned((planned?.nproc ?? 1) * (planned?.nnodes ?? 1))
    : await joinWorld(io.env, resolved.settings.run, resolved.hash);
  const listeners = [
    {
      plugin: "the launcher",
      value: { onStart: ({ runDir }: { runDir: string }) => void tellLauncher({ kind: "run", runDir }) },
    },
  ];
  let run: Awaited<ReturnType<typeof openRun>> | undefined;
  try {
    run = await openRun(resolved);
    io.signal.throwIfAborted();
    await runTraining(run, world.isFirst ? io : { ...io, stdout: silence() }, { dryRun, world, listeners });
  } catch (fault) {
    world.leave(true);
    await run?.close().catch((second: unknown) => io.stderr.write(`${String(second)}\n`)); // the first fault is the news
    throw isLost(fault) ? peerFailed(world.rank, fault.message, fault) : fault;
  }
  await run.close();
  world.leave(false);
}

/** Whether a collective failed: the others are gone or late. */
function isLost(fault: unknown): fault is Error {
  return fault instanceof Error && "code" in fault && fault.code === "HYFW_NATIVE_COLLECTIVE";
}

/** Rank 0 owns the terminal. */
function silence(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
