/**
 * The parts that compute a step, for who times them or drives them without a run: `@hyfw/core/engine`. Unlike the
 * package's main entry this one loads the native addon.
 */

export { bytesOf, type MemoryByKind, type ModelBytes, memoryOf } from "./plan/estimate.js";
export { type Measured, measureRun } from "./plan/plan-run.js";
export { type ShapeWalk, type WalkFacts, walkShapes } from "./plan/walk-shapes.js";
export { chooseTrained } from "./run/choose-trained.js";
export { DataParallel } from "./run/data-parallel.js";
export { Ema } from "./run/ema.js";
export { Executor } from "./run/executor.js";
export { bucketsOf, elements, FlatBucket } from "./run/flat-bucket.js";
export { type LoadedBatch, Loader, type LoaderFacts } from "./run/loader.js";
export { type StepOrder, type StepParts, type StepReport, trainStep } from "./run/step.js";
export { StepHeap } from "./run/step-heap.js";
export {
  type DataPlace,
  FIRST_PLACE,
  type OpenPhase,
  PlaceSchema,
  unitsFrom,
  wholeSteps,
} from "./run/unit-places.js";
export { World } from "./run/world.js";
export { loadModel } from "./weights/load-start.js";
