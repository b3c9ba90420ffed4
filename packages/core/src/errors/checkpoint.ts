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

/** A run has no record of what its steps were trained on. */
export const recordAbsent = defineError("HYFW_RESUME_NO_RECORD", (runDir: string) => ({
  summary: `${runDir} has no record of the samples of its steps`,
  todo: "runs of this version keep one, ledger.jsonl; train a step first",
}));

/** What a recorded step would be trained on now is not what it was trained on. */
export const recordDiffers = defineError("HYFW_RESUME_RECORD", (step: number, rows: readonly string[]) => ({
  summary: `step ${step} would not be trained on what it was trained on: its rows, captions or crops differ from the record`,
  where: { "rows now": rows.slice(0, 8).join(", ") },
  todo: "undo what changed of data, seed, captions or augmenters, or of their plugins' versions, since the run was stopped",
}));
