import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of this clone. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Paths from the root of every file that git keeps or would keep (not the ignored ones), that is still there. */
export function keptFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return listed.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
}

/** The text of a file of this clone. */
export const readText = (path: string): string => readFileSync(join(root, path), "utf8");
