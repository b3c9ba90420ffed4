import { type OptionMeta, z } from "@hyfw/core";

const meta = (fields: OptionMeta): OptionMeta & Record<string, unknown> => ({ ...fields });
const flag = (name: `--${string}`) => meta({ flag: name });
const count = z.number().int().nonnegative();

/** Tag columns that are gathered into the `tags` column, in its order. */
export const TAG_CATEGORIES = [
  "character",
  "copyright",
  "artist",
  "general",
  "year",
  "meta",
  "rating",
  "quality",
] as const;

/** Everything that decides what `hyfw pack` writes: how rows are read, which pictures and captions are kept. */
export const PackOptions = z.strictObject({
  rowsPerShard: count
    .min(1)
    .default(5000)
    .describe(
      "Source rows per shard; refused rows count, so that a row's shard does not depend on other rows.",
    )
    .meta(flag("--rows-per-shard")),
  header: z
    .boolean()
    .optional()
    .describe("Whether the CSV's first record names its columns; recognised when left out.")
    .meta({ ...flag("--header"), negatedBy: "--no-header" }),
  columns: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("Names of the CSV's fields in order, for example path caption style; recognised when left out.")
    .meta(flag("--columns")),
  commas: z
    .enum(["strict", "caption"])
    .optional()
    .describe(
      "Commas that are not quoted: strict refuses the file, caption keeps them in the caption. When left out, caption for files without header or with the columns path, caption and style only, strict for all others.",
    )
    .meta(flag("--commas")),
  captionAs: z
    .string()
    .regex(/^text_(zh|en)[1-5]?$/)
    .default("text_zh")
    .describe(
      "Column that a caption without a language in its name goes to: text_zh or text_en, with 1 to 5 for a construction.",
    )
    .meta(flag("--caption-as")),
  styleWords: z
    .array(z.string().min(1))
    .default([])
    .describe("Styles that captions begin with; words that end in 风格 are recognised by themselves.")
    .meta(flag("--style-words")),
  styleCaption: z
    .enum(["keep", "strip"])
    .default("keep")
    .describe("Whether a caption keeps the style that it begins with, or loses it to the style column.")
    .meta(flag("--style-caption")),
  constructions: z
    .array(z.string())
    .max(5)
    .default([])
    .describe("Columns that become text_zh1, text_zh2 and so on, up to five.")
    .meta(flag("--constructions")),
  captionList: z
    .string()
    .optional()
    .describe(
      "Column with a list of up to five captions, as JSON or one a line, that become text_zh1 and so on.",
    )
    .meta(flag("--caption-list")),
  tagSeparator: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Separates tags in a cell that is no JSON; when left out, the first of | ; , that the cell holds.",
    )
    .meta(flag("--tag-separator")),
  numberColumns: z
    .array(z.string())
    .default([])
    .describe("Columns stored as 64-bit floats instead of text; a row whose cell is no number is refused.")
    .meta(flag("--number-columns")),
  pathPrefix: z
    .array(z.string().regex(/^.+=/, "must be OLD=NEW"))
    .default([])
    .describe("OLD=NEW replaces the start of picture paths, whole folders only; the first that fits is used.")
    .meta(flag("--path-prefix")),
  decode: z
    .enum(["full", "header"])
    .default("full")
    .describe(
      "full decodes every picture to its last byte, header reads its size only and lets damaged pictures pass.",
    )
    .meta(flag("--decode")),
  maxPixels: count
    .min(1)
    .default(178_956_970)
    .describe(
      "Most pixels of a picture; more are refused before anything is decoded. The default is the official tool's limit.",
    )
    .meta(flag("--max-pixels")),
  minFileBytes: count.default(0).describe("Fewest bytes of a picture file.").meta(flag("--min-file-bytes")),
  maxFileBytes: count
    .min(1)
    .max(1 << 30)
    .default(256 << 20)
    .describe("Most bytes of a picture file; larger ones are refused without being read.")
    .meta(flag("--max-file-bytes")),
  minSide: count.default(0).describe("Smallest width and height in pixels.").meta(flag("--min-side")),
  minArea: count.default(0).describe("Smallest area in pixels.").meta(flag("--min-area")),
  aspect: z
    .tuple([z.number().positive(), z.number().positive()])
    .optional()
    .describe("Smallest and largest width divided by height, for example 0.4 2.5.")
    .meta(flag("--aspect")),
  blankRange: z
    .number()
    .min(0)
    .max(255)
    .optional()
    .describe(
      "Refuses blank pictures: those whose 32 x 32 reduction differs by at most this many levels of 255 in every channel.",
    )
    .meta(flag("--blank-range")),
  refuseEmptyCaption: z
    .boolean()
    .default(false)
    .describe("Refuses rows without any caption.")
    .meta(flag("--refuse-empty-caption")),
  minCaptionChars: count
    .default(0)
    .describe("Fewest characters of the caption.")
    .meta(flag("--min-caption-chars")),
  maxCaptionChars: count
    .min(1)
    .optional()
    .describe("Most characters of the caption.")
    .meta(flag("--max-caption-chars")),
  captionLanguage: z
    .enum(["zh", "en"])
    .optional()
    .describe(
      "Language of the caption: zh wants 30 % of its letters to be Han characters, en 70 % to be Latin.",
    )
    .meta(flag("--caption-language")),
  refuseMojibake: z
    .boolean()
    .default(false)
    .describe("Refuses captions that were read in a wrong encoding.")
    .meta(flag("--refuse-mojibake")),
  tagAllow: z
    .array(z.string())
    .default([])
    .describe(
      "Keeps only rows with one of these tags; category:tag or tag, case and underscores do not matter.",
    )
    .meta(flag("--tag-allow")),
  tagBlock: z
    .array(z.string())
    .default([])
    .describe("Refuses rows with one of these tags; category:tag or tag.")
    .meta(flag("--tag-block")),
  score: z
    .array(
      z.string().regex(/^[^<>=]+(>=|<=|>|<)\s*-?[\d.]+(e-?\d+)?$/i, "must be COLUMN>=NUMBER, or with > <= <"),
    )
    .default([])
    .describe(
      "Conditions on number columns, for example aesthetic>=5.5; a row without the number is refused.",
    )
    .meta(flag("--score")),
  duplicates: z
    .enum(["keep", "content", "perceptual"])
    .default("keep")
    .describe(
      "Which repeated pictures are refused, the first one being kept: none, those of equal bytes, or also those that look alike.",
    )
    .meta(flag("--duplicates")),
  phashDistance: count
    .max(7)
    .default(2)
    .describe("Bits of 63 in which perceptual hashes of look-alikes may differ.")
    .meta(flag("--phash-distance")),
  phash: z
    .boolean()
    .default(false)
    .describe("Stores the perceptual hash of every picture in a column phash, 16 hex digits.")
    .meta(flag("--phash")),
  rules: z
    .array(z.string())
    .default([])
    .describe("Modules with rules of your own, asked after the built-in ones; see docs/data.md.")
    .meta(meta({ flag: "--rules", path: true })),
});

/** What a person's settings become. */
export type PackOptions = z.output<typeof PackOptions>;

/** What a person may write. */
export type PackInput = z.input<typeof PackOptions>;
