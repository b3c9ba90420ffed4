import { defineError } from "../define-error.js";

/** A validation split leaves nothing on one side. */
export const validationEmpty = defineError(
  "HYFW_SETTINGS_VALIDATION",
  (purpose: "measure" | "train on", what: string) => ({
    summary: `validation leaves no row to ${purpose}: ${what}`,
    todo: "change validation.fraction, or name other rows in validation.data",
  }),
);
