import { defineError } from "@hyfw/core";

/** A pattern in the settings is no regular expression. */
export const patternInvalid = defineError("HYFW_TAG_PATTERN", (pattern: string, cause: unknown) => ({
  summary: `tag-dropout.patterns: ${JSON.stringify(pattern)} is no regular expression`,
  setting: `tag-dropout.patterns has ${JSON.stringify(pattern)}`,
  todo: 'write a JavaScript regular expression, for example "^\\\\d{4}$" for a year',
  cause,
}));
