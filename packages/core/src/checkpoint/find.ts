import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { HyfwError } from "../define-error.js";
import { checkpointNone, runNotFound } from "../errors/checkpoint.js";
import { listCheckpoints } from "./list.js";
import { MANIFEST, verifyManifest } from "./manifest.js";

/** A checkpoint whose files are what was saved. */
export interface FoundCheckpoint {
  readonly runDir: string;
  readonly path: string;
  readonly step: number;
  /** Newer ones that had to be passed over, and why. */
  readonly notes: readonly string[];
}

/** Where runs are looked for. */
export interface RunPlaces {
  /** Folder that holds run folders. */
  readonly resultsDir: string;
  readonly cwd: string;
}

/**
 * The run folder that `text` means: `latest`, a path, or a name in the results folder, with or without its number.
 * @throws HYFW_RUN_NOT_FOUND
 */
export async function findRun(text: string, { resultsDir, cwd }: RunPlaces): Promise<string> {
  const runs = await listRuns(resultsDir);
  if (text === "latest") {
    const last = runs.at(-1);
    if (last === undefined) throw runNotFound(text, resultsDir, runs);
    return join(resultsDir, last);
  }
  const name = runs.findLast((run) => run === text || run.replace(/^\d+-/, "") === text);
  for (const path of [resolve(cwd, text), ...(name === undefined ? [] : [join(resultsDir, name)])])
    if (existsSync(join(path, "run.json"))) return path;
  throw runNotFound(text, resultsDir, runs);
}

/**
 * The checkpoint that `text` means: one of its folders, or the newest whole one of a run.
 * @throws HYFW_RUN_NOT_FOUND, HYFW_CHECKPOINT_NONE, HYFW_CHECKPOINT_BROKEN when the one that was named is not whole
 */
export async function findCheckpoint(text: string, places: RunPlaces): Promise<FoundCheckpoint> {
  const path = resolve(places.cwd, text);
  if (basename(dirname(path)) === "checkpoints" && existsSync(path)) {
    const { step } = await verifyManifest(path);
    return { runDir: dirname(dirname(path)), path, step, notes: [] };
  }
  const runDir = await findRun(text, places);
  return newestWhole(runDir);
}

async function newestWhole(runDir: string): Promise<FoundCheckpoint> {
  const { complete, partial, broken } = await listCheckpoints(join(runDir, "checkpoints"));
  const notes = [...partial, ...broken].map(
    (path) => `${basename(path)} is not a whole checkpoint (no ${MANIFEST}); it is passed over`,
  );
  for (const { path, manifest } of [...complete].reverse()) {
    try {
      await verifyManifest(path);
      return { runDir, path, step: manifest.step, notes };
    } catch (fault) {
      if (!(fault instanceof HyfwError)) throw fault;
      notes.push(`${fault.summary}; it is passed over`);
    }
  }
  throw checkpointNone(runDir, notes);
}

/** Names of run folders, oldest first by their numbers. */
export async function listRuns(resultsDir: string): Promise<string[]> {
  const names = await readdir(resultsDir).catch(() => []);
  return names
    .filter((name) => /^\d+-/.test(name) && existsSync(join(resultsDir, name, "run.json")))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}
