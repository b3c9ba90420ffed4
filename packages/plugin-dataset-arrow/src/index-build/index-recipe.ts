import { z } from "@hyfw/core";

/** Comparisons of numbers. */
export const NUMBER_ACTIONS = ["eq", "ne", "gt", "lt", "ge", "le"] as const;
/** Comparisons of texts; `one_of` is hyfw's own. */
export const TEXT_ACTIONS = [
  ...["eq", "ne", "contains", "not_contains", "in", "not_in", "lower_last_in", "one_of"],
] as const;
/** Comparisons of a text's length in code points. */
export const LENGTH_ACTIONS = ["len_eq", "len_ne", "len_gt", "len_lt", "len_ge", "len_le"] as const;

const ALL_ACTIONS = [...new Set([...NUMBER_ACTIONS, ...TEXT_ACTIONS, ...LENGTH_ACTIONS])] as [
  string,
  ...string[],
];

const keyword = z
  .array(z.string().min(1))
  .default([])
  .describe("The filter holds only for Arrow files whose path contains one of these; empty: for all.");

/** Keeps the rows whose cell passes a comparison. */
export const ColumnFilter = z.strictObject({
  name: z.string().min(1).describe("Column."),
  type: z
    .enum(["int", "float", "str"])
    .describe("int and float compare numbers, str texts and their lengths."),
  action: z
    .enum(ALL_ACTIONS)
    .describe("eq, ne, gt, lt, ge, le; for str also contains, in, len_ge and others."),
  target: z
    .union([z.number(), z.boolean(), z.string(), z.array(z.string())])
    .describe("What cells are compared with."),
  default: z
    .union([z.number(), z.boolean(), z.string()])
    .describe("Stands in for text that is no number, and for nulls when `nulls` is default."),
  arrowFileKeyword: keyword,
  nulls: z
    .enum(["refuse", "drop", "keep", "default", "official"])
    .default("refuse")
    .describe(
      "Cells that the comparison cannot judge: refuse stops; drop and keep decide for the row; default judges `default` instead; official does as the official tools.",
    ),
  missingColumn: z
    .enum(["refuse", "drop", "keep"])
    .default("refuse")
    .describe("Arrow files without the column: refuse stops, drop and keep decide for all their rows."),
});
export type ColumnFilter = z.output<typeof ColumnFilter>;

/** A filter, or several of which one must pass. */
export const ColumnRule = z.union([
  ColumnFilter,
  z.strictObject({
    logicalOr: z.array(ColumnFilter).min(1).describe("A row stays when one of these passes."),
  }),
]);
export type ColumnRule = z.output<typeof ColumnRule>;

/** Keeps rows by lists of MD5s, or by values that a JSON file gives to MD5s. */
export const Md5Filter = z.strictObject({
  name: z.string().describe("For the statistics."),
  path: z
    .array(z.string())
    .min(1)
    .describe("Files: .txt with one MD5 a line, .json with an object; later ones win."),
  type: z.enum(["list", "dict"]).describe("list: whether the MD5 is there; dict: what its value is."),
  action: z
    .enum(["in", "not_in", ...NUMBER_ACTIONS])
    .describe("in or not_in for list; eq, ne, gt, lt, ge or le for dict."),
  target: z
    .union([z.number(), z.boolean(), z.string()])
    .optional()
    .describe("What the values of a dict are compared with."),
  isValid: z.boolean().describe("true keeps the rows found, false keeps the others."),
  arrowFileKeyword: keyword,
});
export type Md5Filter = z.output<typeof Md5Filter>;

/** Repeats rows whose MD5 a file lists. */
export const Md5Repeater = z.strictObject({
  name: z.string().describe("For the statistics."),
  path: z.string().describe("A .txt or .json file."),
  type: z.enum(["list", "dict"]).describe("list needs `repeat`; dict takes the number from the file."),
  repeat: z.number().int().nonnegative().optional().describe("How often a listed row stands in the index."),
  plus: z.number().int().default(0).describe("Added to the numbers of a dict."),
});
export type Md5Repeater = z.output<typeof Md5Repeater>;

/** Which rows of which Arrow files stand in an index, and how often. The official YAML says the same. */
export const IndexRecipe = z.strictObject({
  source: z
    .array(
      z.strictObject({
        path: z.string().min(1).describe("A path, or a pattern with * ? [...]."),
        repeat: z.number().int().nonnegative().default(1).describe("How often each row stands in the index."),
        exclude: z
          .array(z.string().min(1))
          .default([])
          .describe("Files whose path contains one of these are left out."),
      }),
    )
    .min(1)
    .describe("Arrow files; sorted by path whatever the order here."),
  columnFilters: z.array(ColumnRule).default([]).describe("All must pass."),
  md5Filters: z.array(Md5Filter).default([]).describe("All must pass."),
  md5Repeaters: z.array(Md5Repeater).default([]).describe("The largest number of all repeats counts."),
  keywordRepeaters: z
    .array(
      z.strictObject({
        repeat: z.number().int().nonnegative().describe("How often each row stands in the index."),
        keyword: z.array(z.string().min(1)).min(1).describe("For files whose path contains one of these."),
      }),
    )
    .default([])
    .describe("Repeats by path."),
  removeMd5Dup: z
    .boolean()
    .default(false)
    .describe("Keeps only the first row of each MD5, after the repeats."),
});
export type IndexRecipe = z.output<typeof IndexRecipe>;

/** The reason why a filter's action, target and default do not fit its type, or undefined when they do. */
export function columnFilterFault(filter: ColumnFilter): { key: string; what: string } | undefined {
  const { type, action, target } = filter;
  const allowed: readonly string[] = type === "str" ? [...TEXT_ACTIONS, ...LENGTH_ACTIONS] : NUMBER_ACTIONS;
  if (!allowed.includes(action)) return { key: "action", what: `${type} filters take ${allowed.join(", ")}` };
  const isNumber = (value: unknown): boolean => typeof value === "number" || typeof value === "boolean";
  if (action === "one_of")
    return Array.isArray(target) ? undefined : { key: "target", what: "one_of needs a list of texts" };
  if (Array.isArray(target))
    return {
      key: "target",
      what: `${action} needs one value; for membership in a list use the action one_of`,
    };
  const wantsNumber = type !== "str" || action.startsWith("len_");
  for (const key of ["target", "default"] as const) {
    const value = filter[key];
    if (wantsNumber !== isNumber(value))
      return { key, what: `${action} of a ${type} filter needs a ${wantsNumber ? "number" : "text"}` };
    if (wantsNumber && type !== "float" && !Number.isSafeInteger(Number(value)))
      return { key, what: `${action} of ${type === "int" ? "an int" : "a str"} filter needs a whole number` };
  }
  return undefined;
}

/** The reason why an MD5 filter does not fit together, or undefined when it does. */
export function md5FilterFault({
  type,
  action,
  target,
}: Md5Filter): { key: string; what: string } | undefined {
  const isList = action === "in" || action === "not_in";
  if (isList !== (type === "list"))
    return {
      key: "action",
      what: type === "list" ? "list takes in or not_in" : "dict takes eq, ne, gt, lt, ge or le",
    };
  if (type === "dict" && target === undefined) return { key: "target", what: "dict needs a target" };
  return undefined;
}

/** Whether a filter holds for an Arrow file. */
export function appliesTo(keywords: readonly string[], arrowFile: string): boolean {
  return keywords.length === 0 || keywords.some((word) => arrowFile.includes(word));
}
