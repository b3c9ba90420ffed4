import { type OptionMeta, z } from "@hyfw/core";

const path: OptionMeta & Record<string, unknown> = { path: true };

/** Options of the name substitution. */
export const NameSubstitutionOptions = z.strictObject({
  tables: z
    .array(z.string())
    .default([])
    .describe(
      "Files of English and Chinese names, one to one: CSV with the columns en,zh, or a JSON object. Spellings of one name stand in one cell, parted by |, or in a JSON list.",
    )
    .meta(path),
  packages: z
    .array(z.string())
    .default([])
    .describe(
      'Tables in npm packages, as name@range: the installed version must lie in the range. The package names its table in package.json, "hyfw": { "names": "names.csv" }.',
    ),
  probability: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe(
      "Chance, for each name that a caption holds, that it is replaced by its Chinese one throughout.",
    ),
  onAmbiguous: z
    .enum(["error", "skip"])
    .default("error")
    .describe(
      "What to do with names that are not one to one: stop, or leave them as they are in captions and list them.",
    ),
  draw: z
    .enum(["sample", "encoder"])
    .default("sample")
    .describe("Whether both text encoders see the same replacements or each draws its own."),
});

/** What a person's settings become: nothing missing. */
export type NameSubstitutionOptions = z.output<typeof NameSubstitutionOptions>;
