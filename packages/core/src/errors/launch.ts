import { defineError } from "../define-error.js";

/** Flags that say how to start processes contradict each other. */
export const launchInvalid = defineError("HYFW_LAUNCH_USAGE", (what: string, why: string) => ({
  summary: `${what} cannot be followed: ${why}`,
  todo: "one machine: --nproc N; several: --nproc N --nnodes M --node-rank K --master-addr HOST, on each",
}));

/** A process of the run ended in a way it could not tell about. */
export const rankEnded = defineError(
  "HYFW_LAUNCH_RANK",
  (rank: number, how: string, lastLines: readonly string[]) => ({
    summary: `rank ${rank} ${how} without saying why`,
    ...(lastLines.length > 0 && { where: { "last lines": lastLines.join("\n           ") } }),
    todo: "a process ended by SIGKILL usually ran out of memory; HYFW_DEBUG=1 tells more of other ends",
  }),
);
