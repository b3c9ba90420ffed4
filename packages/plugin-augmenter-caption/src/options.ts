import { type OptionMeta, z } from "@hyfw/core";

/** What the official tools train an empty caption as: "draw some picture at random". */
export const DEFAULT_CAPTION = "随机生成一张图片";

const flag = (name: string): OptionMeta & Record<string, unknown> => ({ flag: name });

/** A caption that is put together from the tags of a row. */
export const TagTemplate = z.strictObject({
  order: z.array(z.string()).min(1).describe("Categories of tags, in the order in which they are written."),
  language: z
    .enum(["any", "zh", "en"])
    .default("any")
    .describe(
      "zh takes, of each category, the tags with Chinese signs, en those without; all of them where it has none such.",
    ),
  separator: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Stands between tags; null is "，" for zh and ", " otherwise.'),
  shuffle: z
    .enum(["none", "within", "all"])
    .default("none")
    .describe("Mixes the tags of each category, or all tags, anew in each epoch."),
  keepFirst: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe("Tags at the front that shuffling leaves where they are."),
  maxTags: z
    .number()
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("Tags after which the rest is left out, counted after shuffling; null takes all."),
  underscores: z
    .enum(["keep", "blanks"])
    .default("keep")
    .describe("Whether underscores inside tags stay or become blanks."),
});

/** A template with nothing missing. */
export type TagTemplate = z.output<typeof TagTemplate>;

const Construction = z
  .strictObject({
    column: z.string().optional().describe("Text column of the Arrow files."),
    tags: TagTemplate.optional().describe("A template over the row's tags instead of a column."),
    name: z
      .string()
      .optional()
      .describe(
        "Its name in the plan and for fixed; the column's, or the template's categories, when left out.",
      ),
    weight: z
      .number()
      .nonnegative()
      .default(1)
      .describe("How often it is drawn, relative to the other weights."),
  })
  .refine(({ column, tags }) => (column === undefined) !== (tags === undefined), {
    message: "must have either column or tags",
  });

/** Options of the caption. */
export const CaptionOptions = z
  .strictObject({
    constructions: z
      .array(Construction)
      .min(1)
      .nullable()
      .default(null)
      .describe(
        "What captions are taken from: text columns, or templates over tags; null is every column whose name starts with text_, equally often.",
      ),
    choose: z
      .enum(["random", "first", "fixed"])
      .default("random")
      .describe(
        "Draws by weight among the constructions that hold text, takes the first that does, or always the one that fixed names.",
      ),
    fixed: z.string().nullable().default(null).describe("Name of the construction that choose: fixed takes."),
    draw: z
      .enum(["sample", "encoder"])
      .default("sample")
      .describe("Whether both text encoders get the same construction or each draws its own."),
    onEmpty: z
      .enum(["error", "default"])
      .default("error")
      .describe(
        `What to do with a row whose captions are all empty: stop, or train it as "${DEFAULT_CAPTION}" as the official tools do.`,
      ),
    uncondP: z
      .number()
      .min(0)
      .max(1)
      .default(0.2)
      .describe("Chance that the first text encoder (BERT) gets an empty caption, for guidance.")
      .meta(flag("--uncond-p")),
    uncondPT5: z
      .number()
      .min(0)
      .max(1)
      .default(0.2)
      .describe("Chance that the second text encoder (mT5) gets an empty caption, drawn separately.")
      .meta(flag("--uncond-p-t5")),
  })
  .superRefine(({ constructions, choose, fixed }, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: "custom", path: [path], message });
    const names = constructions?.map(nameOf) ?? [];
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      refuse(
        "constructions",
        `a list of differently named constructions; ${JSON.stringify(twice)} stands twice`,
      );
    if (constructions?.every(({ weight }) => weight === 0))
      refuse("constructions", "a list with at least one weight above 0");
    if (choose !== "fixed" && fixed !== null) refuse("fixed", `null, since choose is "${choose}"`);
    if (choose === "fixed" && fixed === null)
      refuse("fixed", 'a construction\'s name, since choose is "fixed"');
    if (choose === "fixed" && fixed !== null && constructions !== null && !names.includes(fixed))
      refuse("fixed", `one of ${names.join(", ")}`);
  });

/** What a person's settings become: nothing missing. */
export type CaptionOptions = z.output<typeof CaptionOptions>;

/** The name that a construction is called by. */
export function nameOf({ name, column, tags }: z.output<typeof Construction>): string {
  return name ?? column ?? `tags: ${tags?.order.join(", ") ?? ""}`;
}
