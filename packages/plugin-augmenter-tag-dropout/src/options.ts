import { z } from "@hyfw/core";

const chance = z.number().min(0).max(1);

/** Categories that have a setting of their own. */
export const CATEGORIES = [
  "copyright",
  "year",
  "meta",
  "general",
  "artist",
  "character",
  "quality",
  "rating",
] as const;

const Categories = z.strictObject({
  copyright: chance.default(0.05).describe("Chance that copyright tags leave the caption."),
  year: chance
    .default(0.005)
    .describe("Chance that years leave the caption: 2021, year 2021, 2021年, newest."),
  meta: chance.default(0.005).describe("Chance that meta tags leave the caption."),
  general: chance.default(0).describe("Chance that general tags leave the caption."),
  artist: chance.default(0).describe("Chance that artist tags leave the caption."),
  character: chance.default(0).describe("Chance that character tags leave the caption."),
  quality: chance.default(0).describe("Chance that quality tags leave the caption."),
  rating: chance.default(0).describe("Chance that rating tags leave the caption."),
});

/** Options of the tag dropout. */
export const TagDropoutOptions = z
  .strictObject({
    categories: Categories.prefault({}).describe("Chances by category of the row's tags."),
    otherCategories: z
      .record(z.string(), chance)
      .default({})
      .describe("Chances of categories with names of your own, as the rows have them."),
    perTag: z
      .array(z.string())
      .default([])
      .describe(
        "Categories whose tags are drawn for one by one; all tags of the others leave or stay together.",
      ),
    keep: z
      .array(z.string())
      .default([])
      .describe("Tags that never leave, whatever their category; case, width and underscores do not matter."),
    copyrightTakesCharacters: z
      .boolean()
      .default(false)
      .describe(
        "Whether characters leave with their copyright: all of them with all copyrights, else those that name it in parentheses.",
      ),
    patterns: z
      .array(
        z.strictObject({
          pattern: z.string().describe("Regular expression that a whole tag is searched with."),
          probability: chance.default(0.1).describe("Chance that such tags leave the caption."),
        }),
      )
      .default([])
      .describe("Tags to drop by their spelling, for rows without tag categories."),
    draw: z
      .enum(["sample", "encoder"])
      .default("sample")
      .describe("Whether both text encoders lose the same tags or each draws its own."),
  })
  .superRefine(({ categories, otherCategories, perTag }, context) => {
    const known = [...Object.keys(categories), ...Object.keys(otherCategories)];
    const unknown = perTag.find((category) => !known.includes(category));
    if (unknown !== undefined)
      context.addIssue({
        code: "custom",
        path: ["perTag"],
        message: `a list of ${known.join(", ")}; ${JSON.stringify(unknown)} has no chance under otherCategories`,
      });
  });

/** What a person's settings become: nothing missing. */
export type TagDropoutOptions = z.output<typeof TagDropoutOptions>;

/** Every category with its chance. */
export function categoryChances({
  categories,
  otherCategories,
}: Pick<TagDropoutOptions, "categories" | "otherCategories">): ReadonlyMap<string, number> {
  return new Map([...Object.entries(categories), ...Object.entries(otherCategories)]);
}
