import { DATASET, definePlugin } from "@hyfw/core";
import { openDataset } from "./open-dataset.js";
import { DatasetOptions, phaseOptions } from "./options.js";

export type { Command, CommandIo } from "./command-arguments.js";
export { commands, indexCommands } from "./commands.js";
export { goldenCases } from "./golden.js";
export { type Index, readIndex, writeIndex } from "./index-build/index-file.js";
export { openDataset } from "./open-dataset.js";
export { DatasetOptions } from "./options.js";
export { definePackRule, type PackRule } from "./pack/custom-rule.js";
export { mergePack, type PackProgress, type PackReport, type PackRequest, pack } from "./pack/pack.js";
export { PackOptions } from "./pack/pack-options.js";
export type { LedgerLine } from "./pack/slice-part.js";
export { type ResolutionSettings, resolutionList } from "./resolutions.js";

export default definePlugin({
  name: "dataset-arrow",
  version: "0.1.0",
  core: "^0.1.0",
  options: DatasetOptions,
  provides: [DATASET],
  setup: ({ options, provide }) =>
    provide(DATASET, {
      open: (phase) => openDataset(phase, phaseOptions(options, phase)),
    }),
});
