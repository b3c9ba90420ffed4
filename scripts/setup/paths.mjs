// @ts-check
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of this clone, whatever the working folder is. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * The ignored folder that set-up writes to: builds, hyfw's own libtorch, records and the lock.
 * @param {string} [repo]
 */
export const hyfwFolder = (repo = root) => join(repo, ".hyfw");
