import { defineError } from "../define-error.js";

/** The environment of a process that belongs to a group of processes is incomplete or contradicts itself. */
export const placementInvalid = defineError("HYFW_WORLD_SETTING", (what: string, found: string) => ({
  summary: `the environment says that this process is one of several, but ${what}`,
  where: { found },
  todo: "start the processes with hyfw --nproc, torchrun or srun, which set all of RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT",
}));

/** The processes cannot meet or talk. */
export const worldUnavailable = defineError("HYFW_WORLD_UNAVAILABLE", (what: string, cause: unknown) => ({
  summary: what,
  todo: "check that every process was started, and that MASTER_ADDR and MASTER_PORT can be reached from each machine; GLOO_SOCKET_IFNAME or NCCL_SOCKET_IFNAME chooses the network",
  cause,
}));

/** The processes of one run were started with different settings or versions. */
export const worldDiffers = defineError("HYFW_WORLD_SETTING_DIFFERS", (rank: number, what: string) => ({
  summary: `rank ${rank} does not train the same as rank 0: ${what} differ`,
  todo: "start every process with the same command, presets and version of hyfw",
}));

/** Another process failed, so this one cannot go on; the other one's error is the news. */
export const peerFailed = defineError("HYFW_WORLD_PEER", (rank: number, what: string, cause?: unknown) => ({
  summary: `rank ${rank} stops, because another process does: ${what}`,
  todo: "look for the error of the process that failed first",
  cause,
}));

/** The samples of a unit cannot be shared out evenly. */
export const unitUneven = defineError("HYFW_WORLD_SETTING_UNIT", (unitSize: number, worldSize: number) => ({
  summary: `this run takes ${unitSize} samples at a time, which ${worldSize} processes cannot share evenly`,
  todo: `go on with a number of processes that divides ${unitSize}`,
}));

/** A parameter got no gradient, so that processes cannot average it. */
export const gradientAbsent = defineError(
  "HYFW_GRADIENT_ABSENT",
  (segment: string, names: readonly string[]) => ({
    summary: `${names.length} parameter(s) of segment ${segment} have no gradient to average over processes, the first is ${names[0]}`,
    todo: "every parameter of the model must take part in the loss",
  }),
);

/** A machine runs more processes than it has GPUs. */
export const gpusTooFew = defineError("HYFW_SETTING_DEVICE_COUNT", (gpus: number, processes: number) => ({
  summary: `${processes} processes run on this machine, which has ${gpus} GPU(s)`,
  todo: "start one process per GPU, or set run.device to cpu",
}));
