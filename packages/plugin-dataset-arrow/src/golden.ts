import { arrowCases } from "./golden/golden-arrow.js";
import { bucketCases } from "./golden/golden-buckets.js";
import type { GoldenCase } from "./golden/golden-case.js";
import { csvCases } from "./golden/golden-csv.js";
import { indexCases } from "./golden/golden-index.js";
import { packCases } from "./golden/golden-pack.js";
import { pixelCases } from "./golden/golden-pixels.js";

/**
 * Runs every case of the data reference set that a folder holds: names, shapes and settings come from its files, and a file that is
 * not there gives no cases. Cases whose feature is not built are given as skipped, by name.
 */
export async function* goldenCases(folder: string): AsyncGenerator<GoldenCase> {
  for (const cases of [csvCases, packCases, arrowCases, bucketCases, indexCases, pixelCases])
    yield* cases(folder);
}
