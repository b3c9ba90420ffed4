import type { CommandIo } from "../cli/command.js";
import { peerFailed } from "../errors/world.js";
import { tellLauncher } from "./messages.js";

/** Tells of a fault: the launcher that started this process, or the terminal, with the rank where there are several. */
export function reportFault(fault: unknown, text: string, { stderr, env }: CommandIo): void {
  if (tellLauncher({ kind: "failed", text, isEcho: isEcho(fault) })) return;
  const rank = env.WORLD_SIZE === undefined || env.WORLD_SIZE === "1" ? undefined : env.RANK;
  const prefix = rank === undefined ? "" : `[rank ${rank}] `;
  stderr.write(`${text.replaceAll(/^/gm, prefix)}\n`);
}

/** Whether a fault only says that another process is gone. */
function isEcho(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && fault.code === peerFailed.code;
}
