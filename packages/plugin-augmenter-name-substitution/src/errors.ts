import { defineError } from "@hyfw/core";

/** The name table cannot be read. */
export const nameTableUnreadable = defineError(
  "HYFW_NAME_TABLE",
  (file: string, what: string, cause?: unknown) => ({
    summary: `${file}: ${what}`,
    where: { file },
    setting: `name-substitution.table = ${JSON.stringify(file)}`,
    todo: 'write a CSV with the columns en,zh, or a JSON object {"english name": "中文名"}',
    cause,
  }),
);

/** Two entries of the name table exclude each other. */
export const nameTableAmbiguous = defineError(
  "HYFW_NAME_TABLE_AMBIGUOUS",
  (file: string, what: string, first: string, second: string) => ({
    summary: `${file}: ${what}, at ${first} and ${second}`,
    where: { file, first, second },
    setting: `name-substitution.table = ${JSON.stringify(file)}`,
    todo: "keep one of the two: every English name needs a Chinese name of its own, else the model cannot tell them apart",
  }),
);
