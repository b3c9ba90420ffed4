import { basename } from "node:path";
import { nameTableSetting } from "./errors.js";
import { findNamePackage } from "./name-package.js";
import { type ListedName, type NameTable, nameTable } from "./name-table.js";
import type { NameSubstitutionOptions } from "./options.js";
import { readNames } from "./read-names.js";

/**
 * Reads every table that the settings name and joins them.
 * @throws HYFW_NAME_TABLE_SETTING when they name none, HYFW_NAME_TABLE, HYFW_NAME_TABLE_AMBIGUOUS, HYFW_NAME_PACKAGE
 */
export function loadTable({
  tables,
  packages,
  onAmbiguous,
}: Pick<NameSubstitutionOptions, "tables" | "packages" | "onAmbiguous">): NameTable {
  if (tables.length + packages.length === 0) throw nameTableSetting();
  const sources = [
    ...tables.map((file) => ({ file, label: basename(file) })),
    ...packages.map((spec) => findNamePackage(spec)),
  ];
  const listed: ListedName[] = [];
  const told: string[] = [];
  for (const { file, label } of sources) {
    const names = readNames(file);
    for (const name of names) listed.push(name);
    told.push(`${label}: ${names.length.toLocaleString("en")} name(s)`);
  }
  return nameTable(listed, onAmbiguous, told);
}
