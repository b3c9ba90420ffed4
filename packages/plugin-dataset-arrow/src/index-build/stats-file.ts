import { writeFileSync } from "node:fs";
import { join, parse } from "node:path";

/** The official statistics: a name right-aligned to 50 characters, a blank, a number. */
export function statsText(stats: ReadonlyMap<string, number>): string {
  return [...stats]
    .map(([name, count]) => `${" ".repeat(Math.max(0, 50 - [...name].length))}${name} ${count}\n`)
    .join("");
}

/** Writes `<stem>_stats.txt` beside an index, when there is something to tell. Returns its path. */
export function writeStats(indexPath: string, stats: ReadonlyMap<string, number>): string | undefined {
  if (stats.size === 0) return undefined;
  const { dir, name } = parse(indexPath);
  const path = join(dir, `${name}_stats.txt`);
  writeFileSync(path, statsText(stats));
  return path;
}
