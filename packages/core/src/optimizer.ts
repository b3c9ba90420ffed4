/**
 * What optimizers share, for plugins that provide one: `@hyfw/core/optimizer`. Unlike the package's main entry this one
 * loads the native addon.
 */

export { checkGradients } from "./optimizer/check-gradients.js";
export { foreach } from "./optimizer/foreach.js";
export {
  copyState,
  type DecayOptions,
  type Entry,
  type MomentTensors,
  type Part,
  type SlotGroup,
  SlotGroups,
  type SlotGroupsFacts,
} from "./optimizer/slot-groups.js";
export { PLAIN_FACTS } from "./optimizer/update-rules.js";
