import { AUGMENTER, definePlugin } from "@hyfw/core";
import { readNameTable } from "./name-table.js";
import { NameSubstitutionOptions, substituteNames } from "./substitute-names.js";

export { type NameEntry, readNameTable } from "./name-table.js";
export { NameSubstitutionOptions, substituteNames } from "./substitute-names.js";

export default definePlugin({
  name: "augmenter-name-substitution",
  version: "0.1.0",
  core: "^0.1.0",
  options: NameSubstitutionOptions,
  provides: [AUGMENTER],
  setup: ({ options, provide }) => provide(AUGMENTER, substituteNames(readNameTable(options.table), options)),
});
