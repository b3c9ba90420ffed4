import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { StateKey, WeightFile } from "@hyfw/core";
import { chooseState, openWeights } from "@hyfw/core/weights";

/**
 * Weights by what a person types: a file, a folder with one, a checkpoint of hyfw, or a run, whose latest checkpoint is
 * taken. In a checkpoint, `ema` is a file of its own.
 */
export function findWeights(text: string, cwd: string, state: StateKey): WeightFile {
  let path = resolve(cwd, text);
  const pointer = join(path, "checkpoints", "latest");
  if (existsSync(join(path, "run.json")) && existsSync(pointer))
    path = join(path, "checkpoints", readFileSync(pointer, "utf8").trim());
  const isCheckpoint = existsSync(join(path, "manifest.json"));
  if (isCheckpoint && state === "ema") return openWeights(join(path, "ema.safetensors"));
  return chooseState(openWeights(path), isCheckpoint ? "auto" : state);
}
