import { createHash } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";

const PIECE = 1 << 22;
const Known = z.record(z.string(), z.string());

/**
 * SHA-256 over names and content of the files of a folder, weights and settings alike. Reading gigabytes takes
 * seconds, so a file's hash is remembered under its path, size and time.
 * @param memory file that hashes are remembered in
 */
export function hashFolder(folder: string, memory: string): string {
  const known = readKnown(memory);
  const before = known.size;
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
  const whole = createHash("sha256");
  for (const name of names) {
    const path = resolve(folder, name);
    const stat = statSync(path);
    const stamp = `${path} ${stat.size} ${stat.mtimeMs}`;
    const hash = known.get(stamp) ?? hashFile(path);
    known.set(stamp, hash);
    whole.update(`${name} ${hash};`);
  }
  if (known.size > before) writeKnown(memory, known);
  return whole.digest("hex");
}

function hashFile(path: string): string {
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  try {
    const piece = Buffer.alloc(PIECE);
    for (let count = readSync(file, piece); count > 0; count = readSync(file, piece))
      hash.update(piece.subarray(0, count));
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}

/** What an unreadable memory loses is only the time to hash again. */
function readKnown(memory: string): Map<string, string> {
  try {
    return new Map(Object.entries(Known.parse(JSON.parse(readFileSync(memory, "utf8")))));
  } catch {
    return new Map();
  }
}

function writeKnown(memory: string, known: ReadonlyMap<string, string>): void {
  const partial = join(dirname(memory), `hashes.${process.pid}.partial`);
  mkdirSync(dirname(memory), { recursive: true });
  writeFileSync(partial, JSON.stringify(Object.fromEntries(known), null, 2));
  renameSync(partial, memory);
}
