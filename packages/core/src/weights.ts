/**
 * Files of weights in every layout that is read: `@hyfw/core/weights`. Unlike the package's main entry this one loads
 * the native addon.
 */
export { chooseState, type StateKey, stateKeys } from "./weights/choose-state.js";
export { checkFit } from "./weights/load-start.js";
export { openWeights, renamedWeights, type WeightEntry, type WeightFile } from "./weights/weight-file.js";
