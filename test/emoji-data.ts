import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { trainingEnv } from "../scripts/setup/addon.mjs";
import { root } from "../scripts/setup/paths.mjs";

/** Runs `hyfw` in a folder. @returns what it printed. @throws with that when it fails */
export function hyfw(cwd: string, ...args: string[]): string {
  const program = join(root, "bin", "hyfw.js");
  return execFileSync(process.execPath, [program, ...args], {
    cwd,
    env: trainingEnv(root),
    encoding: "utf8",
  });
}

/** Makes 54 small pictures, packs and indexes them in `data/` of a folder. @returns words that make a run read them */
export function emojiData(cwd: string): string[] {
  const maker = join(root, "examples", "emoji", "make-data.mjs");
  execFileSync(process.execPath, [maker, "--out", "data", "--limit", "9"], { cwd });
  hyfw(cwd, "pack", "data/train.csv", "--out", "data/shards");
  hyfw(cwd, "index", "base", "--arrow", "data/shards/*.arrow", "--out", "data/base.json");
  const buckets = ["--base-size", "32", "--reso-step", "8", "--align", "4"];
  hyfw(cwd, "index", "multireso", "--src", "data/base.json", ...buckets, "--out", "data/index.json");
  return [
    ...["--set", "plugins.dataset-arrow.indexFile=[data/index.json]", "--threads", "1"],
    ...["--set", "plugins.augmenter-name-substitution=$delete"],
  ];
}
