import { defineError } from "@hyfw/core";

/** A pattern in the settings is no regular expression. */
export const patternInvalid = defineError("HYFW_TAG_PATTERN", (pattern: string, cause: unknown) => ({
  summary: `augmenter-tag-dropout.patterns: ${JSON.stringify(pattern)} is no regular expression`,
  setting: `augmenter-tag-dropout.patterns has ${JSON.stringify(pattern)}`,
  todo: 'write a JavaScript regular expression, for example "^\\\\d{4}$" for a year',
  cause,
}));
