import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { HyfwError } from "../define-error.js";
import { type Manifest, readManifest } from "./manifest.js";

/** A folder with a readable manifest; its files are not compared with it yet. */
export interface ListedCheckpoint {
  readonly path: string;
  readonly manifest: Manifest;
}

/** What lies in a `checkpoints` folder. */
export interface CheckpointList {
  /** Oldest first. */
  readonly complete: readonly ListedCheckpoint[];
  /** Folders that a save was stopped in. */
  readonly partial: readonly string[];
  /** Folders named as checkpoints whose manifest is missing or cannot be read. */
  readonly broken: readonly string[];
}

/** Lists a `checkpoints` folder; one that does not exist is empty. */
export async function listCheckpoints(folder: string): Promise<CheckpointList> {
  const names = await readdir(folder).catch(() => []);
  const complete: ListedCheckpoint[] = [];
  const partial: string[] = [];
  const broken: string[] = [];
  for (const name of names.filter((one) => /^step-\d+/.test(one)).sort()) {
    const path = join(folder, name);
    if (name.endsWith(".partial")) {
      partial.push(path);
      continue;
    }
    try {
      complete.push({ path, manifest: await readManifest(path) });
    } catch (fault) {
      if (!(fault instanceof HyfwError)) throw fault;
      broken.push(path);
    }
  }
  complete.sort((a, b) => a.manifest.step - b.manifest.step);
  return { complete, partial, broken };
}
