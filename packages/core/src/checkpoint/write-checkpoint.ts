import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder, writeDurably } from "./durable-file.js";
import { listCheckpoints } from "./list.js";
import { type Manifest, writeManifest } from "./manifest.js";
import type { FileOrder, FinishOrder, WriteOrder } from "./write-order.js";

/** Name of the file that names the last complete checkpoint. */
export const LATEST = "latest";

/** How often rank 0 looks whether the others have written their files, in milliseconds. */
const LOOK_EVERY_MS = 20;
/** Bytes that are written and hashed at a time. */
const CHUNK_BYTES = 2 ** 22;

type FileFacts = Manifest["files"][number];

/**
 * Writes one process's files of a checkpoint, and on rank 0 waits for the others', writes the manifest last, gives
 * the folder its name, points `latest` to it, and removes those that it replaces. A reader sees a whole checkpoint or
 * none. Runs off the main thread, and needs no tensors.
 */
export async function writeCheckpoint({ partial, files, rank, finish }: WriteOrder): Promise<void> {
  const own = files.map((file) => writeFile(partial, file));
  writeDurably(join(partial, doneName(rank)), JSON.stringify(own));
  if (finish === undefined) return;
  const all = await gatherDone(partial, finish.worldSize);
  writeManifest(partial, { step: finish.step, kind: finish.kind }, all);
  syncFolder(partial);
  // Only a broken checkpoint of this name can be there: a run passes each step once.
  if (existsSync(finish.path)) await rm(finish.path, { recursive: true });
  await rename(partial, finish.path);
  const folder = dirname(finish.path);
  syncFolder(folder);
  writeDurably(join(folder, LATEST), `${basename(finish.path)}\n`);
  await prune(folder, finish);
}

function writeFile(folder: string, { name, parts }: FileOrder): FileFacts {
  const hash = createHash("sha256");
  const file = openSync(join(folder, name), "w");
  let bytes = 0;
  try {
    for (const part of parts)
      for (let at = 0; at < part.byteLength; ) {
        const written = writeSync(file, part, at, Math.min(CHUNK_BYTES, part.byteLength - at));
        hash.update(part.subarray(at, at + written));
        at += written;
        bytes += written;
      }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return { name, bytes, sha256: hash.digest("hex") };
}

/** Waits until every process has written its files. Whoever fails ends the run, and this thread with it. */
async function gatherDone(partial: string, worldSize: number): Promise<FileFacts[]> {
  const all: FileFacts[] = [];
  for (let rank = 0; rank < worldSize; rank++) {
    const path = join(partial, doneName(rank));
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    const facts: FileFacts[] = JSON.parse(readFileSync(path, "utf8"));
    all.push(...facts);
    await rm(path);
  }
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function doneName(rank: number): string {
  return `rank${rank}.done`;
}

/** Removes kept checkpoints beyond the newest, resume-only ones that are not the newest, and half-written folders. */
async function prune(folder: string, { keep, keepEvery }: FinishOrder): Promise<void> {
  const { complete, partial } = await listCheckpoints(folder);
  const isForGood = (step: number): boolean => keepEvery > 0 && step % keepEvery === 0;
  const kept = complete.filter(({ manifest }) => manifest.kind === "kept" && !isForGood(manifest.step));
  const old = kept.slice(0, Math.max(0, kept.length - keep));
  const replaced = complete.slice(0, -1).filter(({ manifest }) => manifest.kind === "latest");
  for (const path of [...old.map((one) => one.path), ...replaced.map((one) => one.path), ...partial])
    await rm(path, { recursive: true, force: true });
}
