import { AUGMENTER, definePlugin } from "@hyfw/core";
import { loadTable } from "./load-table.js";
import { NameSubstitutionOptions } from "./options.js";
import { substituteNames } from "./substitute-names.js";

export { loadTable } from "./load-table.js";
export { type ListedName, type NameTable, nameTable } from "./name-table.js";
export { NameSubstitutionOptions } from "./options.js";
export { substituteNames } from "./substitute-names.js";

export default definePlugin({
  name: "augmenter-name-substitution",
  version: "0.1.0",
  core: "^0.1.0",
  options: NameSubstitutionOptions,
  provides: [AUGMENTER],
  setup: ({ options, provide }) => provide(AUGMENTER, substituteNames(loadTable(options), options)),
});
