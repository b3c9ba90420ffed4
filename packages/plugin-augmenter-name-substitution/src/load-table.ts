import { basename } from "node:path";
import { findNamePackage } from "./name-package.js";
import { type ListedName, type NameTable, nameTable } from "./name-table.js";
import type { NameSubstitutionOptions } from "./options.js";
import { readNames } from "./read-names.js";

/** Reads every table that the settings name and joins them. @throws HYFW_NAME_TABLE*, HYFW_NAME_PACKAGE */
export function loadTable({
  tables,
  packages,
  onAmbiguous,
}: Pick<NameSubstitutionOptions, "tables" | "packages" | "onAmbiguous">): NameTable {
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
