/**
 * Where hyfw's index commands differ from the official ones on purpose, each with a section of
 * docs/index-differences.md of the same name. An error or note about one names it.
 */
export const DIFFERENCES = [
  "unknown-key",
  "key-twice",
  "yaml-doubt",
  "missing-column",
  "null-cells",
  "piece-of-target",
  "column-type",
  "python-pattern",
  "len-ne",
  "exclude-string",
  "file-twice",
  "repeat-zero",
  "is-valid-missing",
  "pickle",
  "null-md5",
  "worker-order",
  "builder-name",
  "undecodable-size",
  "exif-size",
] as const;

/** One of them. */
export type Difference = (typeof DIFFERENCES)[number];
