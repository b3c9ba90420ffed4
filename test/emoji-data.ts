import { HYFW, makeSmallData, node } from "./small-run.js";

/** Runs `hyfw` in a folder. @returns what it printed. @throws with that when it fails */
export function hyfw(cwd: string, ...args: string[]): string {
  return node(cwd, HYFW, ...args);
}

/** Makes 54 small pictures, packs and indexes them in `data/` of a folder. @returns words that make a run read them */
export function emojiData(cwd: string): string[] {
  makeSmallData(cwd, 9);
  return [
    ...["--set", "plugins.dataset-arrow.indexFile=[data/index.json]", "--threads", "1"],
    ...["--set", "plugins.augmenter-name-substitution=$delete"],
  ];
}
