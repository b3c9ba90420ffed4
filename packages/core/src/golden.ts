export { differenceOfLargest, l2, maxDifference, maxOf, numbers, relative } from "./golden/compare.js";
export {
  check,
  type GoldenCase,
  jsonNames,
  load,
  type Outcome,
  same,
  skipped,
  Worst,
} from "./golden/golden-case.js";
