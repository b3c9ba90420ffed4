/**
 * Files of weights in every layout that is read: `@hyfw/core/weights`. Unlike the package's main entry this one loads
 * the native addon.
 */

export { checkFit } from "./weights/check-fit.js";
export { chooseState, type StateKey, stateKeys } from "./weights/choose-state.js";
export { type PeftLayer, peftConfig } from "./weights/peft-config.js";
export { readModelConfig } from "./weights/read-model-config.js";
export { openWeights, renamedWeights, type WeightEntry, type WeightFile } from "./weights/weight-file.js";
