import { defineError } from "@hyfw/core";

/** The CSV itself cannot be read as rows; nothing was packed. */
export const csvMalformed = defineError(
  "HYFW_CSV_MALFORMED",
  (csv: string, line: number, what: string, todo: string) => ({
    summary: `${csv}, line ${line}: ${what}`,
    where: { file: csv, line },
    todo,
  }),
);

/** The CSV has no usable header. */
export const csvHeader = defineError("HYFW_CSV_HEADER", (csv: string, what: string, found: string[]) => ({
  summary: `${csv}, line 1: ${what}`,
  where: { file: csv, found: found.map((name) => JSON.stringify(name)).join(", ") || "nothing" },
  todo: "name one column img_path (or image_path) and at least one caption column text_zh or text_en; separate by commas",
}));

/** No row of the CSV could be packed. */
export const packNothingKept = defineError(
  "HYFW_PACK_NOTHING_KEPT",
  (csv: string, rows: number, refusedFile: string) => ({
    summary: `${csv}: none of its ${rows} rows could be packed`,
    where: { file: csv, reasons: refusedFile },
    todo: "read the reasons; relative picture paths start at the CSV's folder (change them with --path-prefix OLD=NEW)",
  }),
);

/** The output folder holds shards of another run. */
export const packTargetInUse = defineError("HYFW_PACK_TARGET_IN_USE", (folder: string, shards: number) => ({
  summary: `${folder} already holds ${shards} Arrow file(s); they would mix with the new ones`,
  where: { folder },
  todo: "choose another --out, or give --replace to remove them first",
}));

/** A file is not an Arrow IPC file that hyfw can read. */
export const arrowUnreadable = defineError(
  "HYFW_ARROW_UNREADABLE",
  (file: string, what: string, todo: string, cause?: unknown) => ({
    summary: `${file}: ${what}`,
    where: { file },
    todo,
    cause,
  }),
);

/** An Arrow file lacks a column that is needed, or holds it in a type that does not fit. */
export const arrowColumn = defineError(
  "HYFW_ARROW_COLUMN",
  (file: string, column: string, what: string, todo: string) => ({
    summary: `${file}: column ${JSON.stringify(column)} ${what}`,
    where: { file, column },
    todo,
  }),
);

/** One row of an Arrow file cannot be used. */
export const arrowRow = defineError(
  "HYFW_ARROW_ROW",
  (file: string, row: number, what: string, todo: string, cause?: unknown) => ({
    summary: `${file}, row ${row}: ${what}`,
    where: { file, row },
    todo,
    cause,
  }),
);

/** A setting of the data set contradicts another one or lacks one. */
export const datasetSetting = defineError(
  "HYFW_DATASET_SETTING",
  (setting: string, value: unknown, what: string, todo: string) => ({
    summary: `dataset.${setting}: ${what}`,
    setting: `dataset.${setting} = ${JSON.stringify(value)}`,
    todo,
  }),
);

/** The resolutions asked for cannot be built. */
export const resolutionSetting = defineError(
  "HYFW_DATASET_RESOLUTIONS",
  (what: string, setting: string, todo: string) => ({ summary: what, setting, todo }),
);

/** An index file is damaged, of the wrong kind, or does not fit its Arrow files. */
export const indexFile = defineError(
  "HYFW_INDEX_FILE",
  (file: string, what: string, todo: string, cause?: unknown) => ({
    summary: `${file}: ${what}`,
    where: { file },
    todo,
    cause,
  }),
);

/** No row is left to train on. */
export const datasetEmpty = defineError("HYFW_DATASET_EMPTY", (what: string, todo: string) => ({
  summary: `no row is left to train on: ${what}`,
  todo,
}));

/** A command was called with arguments it does not take. */
export const commandUsage = defineError("HYFW_DATA_USAGE", (what: string, usage: string) => ({
  summary: what,
  todo: `usage: ${usage}`,
}));

/** The settings of an index, in a YAML file or in hyfw's own, cannot be used. */
export const indexSetting = defineError(
  "HYFW_INDEX_SETTING",
  (file: string, line: number | undefined, what: string, todo: string) => ({
    summary: `${file}${line === undefined ? "" : `, line ${line}`}: ${what}`,
    where: { file, ...(line !== undefined && { line }) },
    todo,
  }),
);

/** The official tools would go on here with a result that nobody asked for. */
export const indexDifference = defineError(
  "HYFW_INDEX_DIFFERENCE",
  (place: { file: string; line?: number; row?: number }, difference: string, what: string, todo: string) => ({
    summary: `${place.file}${place.line === undefined ? "" : `, line ${place.line}`}${place.row === undefined ? "" : `, row ${place.row}`}: ${what}`,
    where: { ...place, explained: `docs/index-differences.md, ${difference}` },
    todo,
  }),
);
