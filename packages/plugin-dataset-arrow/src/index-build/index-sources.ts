import { resolve } from "node:path";
import { datasetEmpty, indexDifference } from "../errors.js";
import { below, byCodePoints, findFiles } from "./find-files.js";
import type { IndexRecipe } from "./index-recipe.js";

/** One Arrow file of an index, as its pattern gave it. */
export interface IndexSource {
  /** Name in the index. */
  readonly name: string;
  /** Where it lies. */
  readonly path: string;
  readonly repeat: number;
}

/** The files of a recipe's sources, and what a person should see about them. */
export interface FoundSources {
  readonly sources: readonly IndexSource[];
  readonly notes: readonly string[];
}

/**
 * Finds the Arrow files of a recipe, sorted by path as the official tool does.
 * @param folder that relative paths start at
 * @param asOfficial takes a file that two entries name twice, as the official tool does
 * @throws HYFW_DATASET_EMPTY when none is there, HYFW_INDEX_DIFFERENCE for a file named twice
 */
export function findSources(
  recipe: IndexRecipe,
  recipeFile: string,
  { folder = ".", asOfficial = false }: { folder?: string; asOfficial?: boolean } = {},
): FoundSources {
  const notes: string[] = [];
  const found: (IndexSource & { pattern: string })[] = [];
  for (const { path: pattern, repeat, exclude } of recipe.source) {
    const names = findFiles(pattern, folder);
    const left = names.filter((name) => !exclude.some((piece) => name.includes(piece)));
    if (names.length === 0) notes.push(`no Arrow file fits ${JSON.stringify(pattern)}`);
    else if (left.length < names.length)
      notes.push(
        `${names.length - left.length} of ${names.length} file(s) of ${JSON.stringify(pattern)} excluded`,
      );
    for (const name of left) found.push({ name, path: below(folder, name), repeat, pattern });
  }
  if (found.length === 0)
    throw datasetEmpty(
      `no Arrow file fits ${recipe.source.map(({ path }) => JSON.stringify(path)).join(", ")}`,
      "correct the paths under source; relative ones start at the working directory",
    );
  found.sort((a, b) => byCodePoints(a.name, b.name));
  const first = new Map<string, string>();
  for (const { name, path, pattern } of found) {
    const place = resolve(path);
    const before = first.get(place);
    if (before === undefined) first.set(place, pattern);
    else if (asOfficial) notes.push(`${name} is named by ${before} and ${pattern}: all its rows count twice`);
    else
      throw indexDifference(
        { file: recipeFile },
        "file-twice",
        `${name} is named by two entries of source, ${JSON.stringify(before)} and ${JSON.stringify(pattern)}`,
        "leave it out of one with exclude, or use repeat; the official tools count all its rows twice",
      );
  }
  return { sources: found, notes };
}
