import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GoldenCase } from "@hyfw/core/golden";
import { checkpointCases } from "./checkpoint-cases.js";
import { ditCases } from "./dit-cases.js";
import { skipped } from "@hyfw/core/golden";
import { initCases } from "./init-cases.js";
import { keyCases } from "./key-cases.js";
import { lossCases } from "./loss-cases.js";
import { mappingCases } from "./mapping-cases.js";
import { ropeCases } from "./rope-cases.js";
import { scheduleCases } from "./schedule-cases.js";
import { solverCases } from "./solver-cases.js";
import { trainCases } from "./train-cases.js";

/** Files of the reference set whose features are not built, each with what it needs. */
const NOT_BUILT: Readonly<Record<string, string>> = {
  "lora.json": "LoRA",
};

/** All cases of the model reference set that a folder holds. */
export function* modelCases(folder: string): Generator<GoldenCase> {
  for (const cases of [
    ditCases,
    ropeCases,
    initCases,
    scheduleCases,
    lossCases,
    trainCases,
    solverCases,
    keyCases,
    mappingCases,
    checkpointCases,
  ])
    yield* cases(folder);
  for (const [file, feature] of Object.entries(NOT_BUILT))
    if (existsSync(join(folder, file)))
      yield skipped(file.replace(/\.json$/, ""), `not built yet: ${feature}`);
}
