import { DATASET } from "../hooks/dataset.js";
import { MODEL } from "../hooks/model.js";
import { OPTIMIZER } from "../hooks/optimizer.js";
import { SAMPLER } from "../hooks/sampler.js";
import type { Token } from "../hooks/tokens.js";

/** Hooks that a training run cannot do without; `openRun` refuses settings that leave one empty. */
export const REQUIRED_HOOKS: readonly Token<unknown>[] = [DATASET, SAMPLER, MODEL, OPTIMIZER];
