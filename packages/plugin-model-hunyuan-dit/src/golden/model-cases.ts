import type { GoldenCase } from "@hyfw/core/golden";
import { checkpointCases } from "./checkpoint-cases.js";
import { ditCases } from "./dit-cases.js";
import { initCases } from "./init-cases.js";
import { keyCases } from "./key-cases.js";
import { loraCases } from "./lora-cases.js";
import { lossCases } from "./loss-cases.js";
import { mappingCases } from "./mapping-cases.js";
import { ropeCases } from "./rope-cases.js";
import { scheduleCases } from "./schedule-cases.js";
import { solverCases } from "./solver-cases.js";
import { trainCases } from "./train-cases.js";

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
    loraCases,
  ])
    yield* cases(folder);
}
