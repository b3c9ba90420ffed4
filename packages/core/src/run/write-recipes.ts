import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DrawRequest, Model } from "../hooks/model.js";

/** Writes a model's recipes for a request into a folder. @returns their paths */
export async function writeRecipes(
  model: Pick<Model, "recipes">,
  request: DrawRequest,
  folder: string,
): Promise<string[]> {
  const files: string[] = [];
  for (const { kind, ending, text } of model.recipes?.(request) ?? []) {
    const path = join(folder, `${kind}${ending}`);
    await writeFile(path, text);
    files.push(path);
  }
  return files;
}
