// @ts-check
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** A lock folder without an owner's name is a crash between two calls once it is this old. */
const namelessMs = 5_000;

/**
 * Runs `work` while no other process holds the lock folder; waits for the other one, and takes over a lock whose
 * owner is gone. `mkdir` either makes the folder or fails, so two processes cannot both win.
 * @template T
 * @param {string} folder
 * @param {() => Promise<T>} work
 * @param {{ say?: (text: string) => void, pollMs?: number }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(folder, work, { say = () => {}, pollMs = 250 } = {}) {
  mkdirSync(dirname(folder), { recursive: true });
  let told = false;
  while (!tryLock(folder)) {
    if (isStale(folder)) {
      rmSync(folder, { recursive: true, force: true });
      continue;
    }
    if (!told)
      say(`another set-up (process ${owner(folder) ?? "unknown"}) is at work in this clone: waiting for it`);
    told = true;
    await wait(pollMs);
  }
  const release = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

/** @param {string} folder */
function tryLock(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
  writeFileSync(join(folder, "pid"), String(process.pid));
  return true;
}

/**
 * @param {string} folder
 * @returns {number | undefined}
 */
function owner(folder) {
  try {
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} folder */
function isStale(folder) {
  const pid = owner(folder);
  if (pid === undefined) {
    try {
      return Date.now() - statSync(folder).mtimeMs > namelessMs;
    } catch {
      return false;
    }
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
