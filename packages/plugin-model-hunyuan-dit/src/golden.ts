import type { GoldenCase } from "@hyfw/core/golden";

export type { GoldenCase };

/**
 * Runs every case of the model reference set that a folder holds: names, shapes and settings come from its files, and
 * a file that is not there gives no cases. Cases whose feature is not built are given as skipped, by name. Needs the
 * native addon as soon as the first case runs.
 */
export async function* goldenCases(folder: string): AsyncGenerator<GoldenCase> {
  const { modelCases } = await import("./golden/model-cases.js");
  yield* modelCases(folder);
}
