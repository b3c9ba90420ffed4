import { defineError } from "@hyfw/core";

/** The CSV or JSON lines file itself cannot be read as rows; nothing was packed. */
export const csvMalformed = defineError(
  "HYFW_CSV_MALFORMED",
  (csv: string, { line, column }: { line: number; column: number }, what: string, todo: string) => ({
    summary: `${csv}, line ${line}, column ${column}: ${what}`,
    where: { file: csv, line, column },
    todo,
  }),
);

/** The columns of a CSV cannot be told, or none of them names pictures. */
export const csvHeader = defineError("HYFW_CSV_HEADER", (csv: string, what: string, found: string[]) => ({
  summary: `${csv}, line 1: ${what}`,
  where: { file: csv, found: found.map((name) => JSON.stringify(name)).join(", ") || "nothing" },
  todo: "name one column img_path (or image_path) and at least one caption column text_zh or text_en, separate by commas, or give the fields in order: --columns path caption style",
}));

/** There is nothing to pack under this name, or nothing that can be read. */
export const sourceUnknown = defineError("HYFW_PACK_SOURCE", (path: string, what: string) => ({
  summary: `${path}: ${what}`,
  where: { source: path },
  todo: "name a .csv, .jsonl, .parquet or .arrow file, a pattern of the last two, or a folder of them or of pictures with .txt files",
}));

/** A source lacks a column that is needed, or two would get one name. */
export const sourceColumns = defineError(
  "HYFW_PACK_COLUMNS",
  (source: string, what: string, found: readonly string[], known: readonly string[]) => ({
    summary: `${source}: ${what}`,
    where: { source, found: found.join(", ") || "nothing" },
    todo: `names that fit: ${known.join(", ")}`,
  }),
);

/** A Parquet file cannot be read. */
export const parquetUnreadable = defineError("HYFW_PACK_PARQUET", (file: string, cause: unknown) => ({
  summary: `${file}: it is no Parquet file that can be read (${(cause instanceof Error ? cause.message : String(cause)).split("\n")[0]})`,
  where: { file },
  todo: "write it again, or convert it to JSON lines",
  cause,
}));

/** A setting of `hyfw pack` is unknown or has a wrong value. */
export const packSettings = defineError(
  "HYFW_PACK_SETTINGS",
  (where: string, what: string, todo: string) => ({
    summary: `${where}: ${what}`,
    todo,
  }),
);

/** A module named in `rules` gives no rule. */
export const packRule = defineError("HYFW_PACK_RULE", (module: string, what: string, cause?: unknown) => ({
  summary: `rule ${module}: ${what}`,
  where: { module },
  todo: 'export default { name: "my rule", check: (row) => row.width > 4000 ? "too wide" : undefined }',
  cause,
}));

/** A rule of a person's own failed on a row. */
export const packRuleFailed = defineError(
  "HYFW_PACK_RULE_FAILED",
  (rule: string, source: string, row: number, cause: unknown) => ({
    summary: `rule ${JSON.stringify(rule)} failed on row ${row} of ${source}: ${(cause instanceof Error ? cause.message : String(cause)).split("\n")[0]}`,
    where: { source, row },
    todo: "mend the rule; finished shards stay and are continued from",
    cause,
  }),
);

/** No row of the source could be packed. */
export const packNothingKept = defineError(
  "HYFW_PACK_NOTHING_KEPT",
  (source: string, rows: number, ledger: string) => ({
    summary: `${source}: none of its ${rows} rows could be packed`,
    where: { source, reasons: ledger },
    todo: "read the reasons; relative picture paths start at the source's folder (change them with --path-prefix OLD=NEW)",
  }),
);

/** The output folder holds shards of another run. */
export const packTargetInUse = defineError("HYFW_PACK_TARGET_IN_USE", (folder: string, what: string) => ({
  summary: `${folder} already holds ${what}; they would mix with the new ones`,
  where: { folder },
  todo: "choose another --out, or give --replace to remove them first",
}));

/** An interrupted pack cannot be continued, because something changed since. */
export const packChanged = defineError("HYFW_PACK_CHANGED", (folder: string, what: string) => ({
  summary: `${folder} holds an unfinished pack, and ${what}`,
  where: { folder },
  todo: "put it back as it was to continue, or give --replace to start over",
}));

/** Slices are missing, so that the parts of several machines cannot be merged. */
export const packIncomplete = defineError("HYFW_PACK_INCOMPLETE", (folder: string, what: string) => ({
  summary: `${folder}: ${what}`,
  where: { folder },
  todo: "run hyfw pack with the --shard that is missing (it continues where it stopped), then merge again",
}));

/** Rows in and rows accounted for differ: a fault of hyfw or of the disk, never to be passed over. */
export const packUnaccounted = defineError("HYFW_PACK_UNACCOUNTED", (folder: string, what: string) => ({
  summary: `${folder}: ${what}`,
  where: { folder },
  todo: "pack again with --replace, and report this as a bug when it happens twice",
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
