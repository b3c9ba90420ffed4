import { defineError } from "../define-error.js";

/** A checkpoint could not be written. */
export const checkpointUnwritten = defineError(
  "HYFW_CHECKPOINT_WRITE",
  (path: string, what: string, cause?: unknown) => ({
    summary: `checkpoint ${path} could not be written: ${what}`,
    todo: "make room on the disk, or set checkpoint.keep lower, and go on with --resume; earlier checkpoints are as they were",
    ...(cause !== undefined && { cause }),
  }),
);

/** Saved optimizer state cannot be dealt out anew. */
export const stateFixed = defineError(
  "HYFW_CHECKPOINT_RESHARD",
  (name: string, path: string, why: string) => ({
    summary: `${name} of ${path} cannot be dealt to other processes: ${why}`,
    todo: "resume with the number of processes and the ZeRO stage that the checkpoint was saved with",
  }),
);
