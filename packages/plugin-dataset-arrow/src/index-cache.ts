import { createHash } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { z } from "@hyfw/core";
import type { Shard } from "./index-build/build-index.js";
import type { LaidOut } from "./lay-out-rows.js";
import type { DatasetOptions } from "./options.js";

/** What opening a data set finds out and a later opening need not look for again. */
export interface KeptLayout {
  readonly rows: Uint32Array;
  readonly buckets: LaidOut["buckets"];
  readonly fingerprint: string;
  /** Positions whose picture occurred before, with how often. */
  readonly occurrences: ReadonlyMap<number, number>;
  readonly notes: readonly string[];
}

/** Goes into every key: raise it when what is kept, or how it is found, changes. */
const VERSION = 1;
/** Kept at most; the ones not used for longest go first. */
const MOST_FILES = 32;
const HASH_BYTES = 32;

const Head = z.strictObject({
  buckets: z.array(
    z.strictObject({
      resolution: z.strictObject({ height: z.number(), width: z.number() }),
      length: z.number().int().nonnegative(),
    }),
  ),
  fingerprint: z.string(),
  notes: z.array(z.string()),
  rows: z.number().int().nonnegative(),
  occurrences: z.number().int().nonnegative(),
});

/** What was kept for exactly these settings and shards; undefined when nothing was, or it is damaged. */
export function readKept(
  folder: string,
  options: DatasetOptions,
  shards: readonly Shard[],
): KeptLayout | undefined {
  const path = fileOf(folder, options, shards);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    utimesSync(path, new Date(), new Date());
  } catch {
    return undefined; // not there yet
  }
  const content = bytes.subarray(HASH_BYTES);
  if (bytes.length < HASH_BYTES + 4 || !hashOf(content).equals(bytes.subarray(0, HASH_BYTES)))
    return undefined;
  const headBytes = content.readUInt32LE(0);
  const head = Head.parse(JSON.parse(content.toString("utf8", 4, 4 + headBytes)));
  const words = new Uint32Array(head.rows + 2 * head.occurrences);
  Buffer.from(words.buffer).set(content.subarray(4 + headBytes, 4 + headBytes + words.byteLength));
  const occurrences = new Map<number, number>();
  for (let i = head.rows; i < words.length; i += 2) occurrences.set(words[i], words[i + 1]);
  return { ...head, rows: words.slice(0, head.rows), occurrences };
}

/** Keeps a layout; tells in a line when that did not work, which is no reason to stop. */
export function writeKept(
  folder: string,
  options: DatasetOptions,
  shards: readonly Shard[],
  { rows, buckets, fingerprint, occurrences, notes }: KeptLayout,
): string | undefined {
  const head = Buffer.from(
    JSON.stringify({ buckets, fingerprint, notes, rows: rows.length, occurrences: occurrences.size }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const pairs = Uint32Array.from([...occurrences].flat());
  const content = Buffer.concat([length, head, bytesOf(rows), bytesOf(pairs)]);
  const path = fileOf(folder, options, shards);
  try {
    mkdirSync(folder, { recursive: true });
    const partial = `${path}.${process.pid}.partial`;
    writeFileSync(partial, Buffer.concat([hashOf(content), content]));
    renameSync(partial, path);
    dropOldest(folder);
    return undefined;
  } catch (error) {
    return `not kept in ${folder}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * The name holds everything that the layout depends on: the settings, the index files and MD5 files by size and time,
 * and each shard by path, size, time and its footer.
 */
function fileOf(folder: string, options: DatasetOptions, shards: readonly Shard[]): string {
  const { indexFile, index, imageSize, multireso, resoStep, targetRatios, align, minSize, orientation } =
    options;
  const hash = createHash("sha256");
  hash.update(
    JSON.stringify({
      VERSION,
      index,
      imageSize,
      multireso,
      resoStep,
      targetRatios,
      align,
      minSize,
      orientation,
    }),
  );
  const md5Files = [
    ...(index?.md5Filters ?? []).flatMap(({ path }) => path),
    ...(index?.md5Repeaters ?? []).map(({ path }) => path),
  ];
  for (const path of [
    ...indexFile,
    ...indexFile.map((file) => file.replace(/\.json$/, ".index.npz")),
    ...md5Files,
  ])
    hash.update(`${resolve(path)} ${stampOf(path)};`);
  for (const { name, file } of shards) {
    hash.update(`${name} ${resolve(file.path)} ${file.file.size} ${file.file.modifiedMs};`);
    hash.update(file.footer);
  }
  return join(folder, `${hash.digest("hex")}.layout`);
}

function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "absent" : `${stat.size} ${stat.mtimeMs}`;
}

function dropOldest(folder: string): void {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".layout"))
    .map((name) => ({
      path: join(folder, name),
      time: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of files.slice(MOST_FILES)) rmSync(path, { force: true });
}

function bytesOf(words: Uint32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}

function hashOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
