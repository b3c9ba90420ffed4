import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { ArrowFile } from "./arrow/arrow-file.js";
import { scanContent, scanMd5 } from "./arrow/arrow-scan.js";
import { imageColumnOf, type Shard } from "./index-build/build-index.js";

interface Hash {
  update(data: Uint8Array | string): unknown;
}

/** Two hash words per global row; the content of all columns but the pictures goes into `hash`. */
export async function identify(shards: readonly Shard[], hash: Hash): Promise<Uint32Array> {
  const words = new Uint32Array(2 * shards.reduce((sum, { file }) => sum + file.rows, 0));
  let at = 0;
  for (const { file } of shards) {
    await setImmediate(); // millions of rows take seconds: signals and progress get their turn
    const image = imageColumnOf(file);
    scanContent(file, image, (bytes) => hash.update(bytes));
    const known = file.has("md5") ? scanMd5(file.column("md5")) : null;
    words.set(known ?? (await hashPictures(file, image, hash)), at);
    at += 2 * file.rows;
  }
  return words;
}

/** For shards without usable MD5s: every picture is read once. */
async function hashPictures(file: ArrowFile, imageColumn: string, hash: Hash): Promise<Uint32Array> {
  const words = new Uint32Array(2 * file.rows);
  for (let row = 0; row < file.rows; row++) {
    const digest = createHash("md5")
      .update((await file.column(imageColumn).bytes(row)) ?? "")
      .digest();
    hash.update(digest);
    words[2 * row] = digest.readUInt32BE(0);
    words[2 * row + 1] = digest.readUInt32BE(4);
  }
  return words;
}
