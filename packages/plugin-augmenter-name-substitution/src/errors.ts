import { defineError } from "@hyfw/core";

/** The name table cannot be read. */
export const nameTableUnreadable = defineError(
  "HYFW_NAME_TABLE",
  (file: string, what: string, cause?: unknown) => ({
    summary: `${file}: ${what}`,
    where: { file },
    setting: "augmenter-name-substitution.tables",
    todo: 'write a CSV with the columns en,zh, or a JSON object {"english name": "中文名"} or {"english name": ["中文名", "别名"]}',
    cause,
  }),
);

/** Names of the tables that are not one to one. */
export const nameTableAmbiguous = defineError(
  "HYFW_NAME_TABLE_AMBIGUOUS",
  (what: string, first: string, second: string, more: number) => ({
    summary: `${what}, at ${first} and ${second}${more > 0 ? `, and ${more} more name(s) are not one to one` : ""}`,
    where: { first, second },
    setting: "augmenter-name-substitution.tables",
    todo: "keep one of the two, or write spellings of one name into one cell, parted by |; augmenter-name-substitution.onAmbiguous: skip leaves such names alone and lists them",
  }),
);

/** A package of names is not installed, has another version, or holds no table. */
export const namePackage = defineError(
  "HYFW_NAME_PACKAGE",
  (spec: string, what: string, todo: string, cause?: unknown) => ({
    summary: `package ${spec}: ${what}`,
    setting: "augmenter-name-substitution.packages",
    todo,
    cause,
  }),
);

/** The plugin is loaded and no table is named. */
export const nameTableSetting = defineError("HYFW_NAME_TABLE_SETTING", () => ({
  summary: "the plugin augmenter-name-substitution has no table of names",
  setting: "augmenter-name-substitution.tables = [], augmenter-name-substitution.packages = []",
  todo: "name a CSV or JSON file under tables, or an npm package under packages",
}));
