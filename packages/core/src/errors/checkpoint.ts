import { defineError } from "../define-error.js";
import { describeValue, list, reason } from "./words.js";

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

/** A checkpoint is not whole. */
export const checkpointBroken = defineError(
  "HYFW_CHECKPOINT_BROKEN",
  (path: string, what: string, cause?: unknown) => ({
    summary: `checkpoint ${path} cannot be used: ${what}`,
    todo: "name another checkpoint, or the run's folder to take the newest whole one",
    ...(cause !== undefined && { cause }),
  }),
);

/** A run has no whole checkpoint. */
export const checkpointNone = defineError(
  "HYFW_CHECKPOINT_NONE",
  (runDir: string, passed: readonly string[]) => ({
    summary: `${runDir} has no whole checkpoint`,
    ...(passed.length > 0 && { where: { "passed over": passed.join("; ") } }),
    todo: "start the run anew, or set checkpoint.latestEvery so that the next one saves earlier",
  }),
);

/** No run has the name. */
export const runNotFound = defineError(
  "HYFW_USAGE_RUN",
  (name: string, folder: string, known: readonly string[]) => ({
    summary: `there is no run ${JSON.stringify(name)}`,
    where: { "looked in": folder, runs: list(known.slice(-12)) },
    todo: "give a run's folder, its name, or latest; run.resultsDir (--results-dir) says where runs are",
  }),
);

/** The record of a run cannot be read. */
export const runUnreadable = defineError("HYFW_RUN_UNREADABLE", (path: string, cause: unknown) => ({
  summary: `cannot read ${path}: ${reason(cause).split("\n")[0]}`,
  todo: "give the folder of a run that this version of hyfw made",
  cause,
}));

/** A run cannot go on because something that must stay has changed. */
export const resumeRefused = defineError(
  "HYFW_SETTING_RESUME",
  (
    change: { readonly what: string; readonly before: unknown; readonly now: unknown },
    runDir: string,
    setBy?: string,
  ) => ({
    summary: `${change.what} was ${describeValue(change.before)} when the run began and is ${describeValue(change.now)} now`,
    where: { run: runDir, ...(setBy !== undefined && { "set by": setBy }) },
    todo: "set it back to go on, or start a new run",
  }),
);
