import { defineError, type Row } from "@hyfw/core";

/** A row without a single caption to choose. */
export const captionMissing = defineError(
  "HYFW_CAPTION_MISSING",
  (row: Row, constructions: readonly string[]) => ({
    summary: `${row.arrowFile}, row ${row.rowInFile}: none of its captions holds text`,
    where: {
      file: row.arrowFile,
      row: row.rowInFile,
      looked: constructions.join(", ") || "no column named text_*",
      found: Object.keys(row.texts).join(", ") || "no text at all",
    },
    setting: "augmenter-caption.constructions",
    todo: 'name columns that the row has (dataset.textColumns reads them), leave the row out of the index, or set augmenter-caption.onEmpty to "default"',
  }),
);
