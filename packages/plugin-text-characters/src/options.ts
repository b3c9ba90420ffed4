import { type OptionMeta, z } from "@hyfw/core";

const meta = (fields: OptionMeta): OptionMeta & Record<string, unknown> => ({ ...fields });
const size = z.number().int().positive();

/** Options of the character encoders. */
export const CharacterOptions = z.strictObject({
  textStatesDim: size
    .default(64)
    .describe("Width of the states that stand for BERT's.")
    .meta(meta({ flag: "--text-states-dim" })),
  textStatesDimT5: size
    .multipleOf(8)
    .default(64)
    .describe("Width of the states that stand for mT5's, a multiple of 8.")
    .meta(meta({ flag: "--text-states-dim-t5" })),
  textLen: size
    .max(512)
    .default(77)
    .describe("Units of a caption that the first encoder sees, the start mark included.")
    .meta(meta({ flag: "--text-len" })),
  textLenT5: size
    .max(512)
    .default(77)
    .describe("Units of a caption that the second encoder sees, the start mark included.")
    .meta(meta({ flag: "--text-len-t5" })),
  units: z
    .enum(["characters", "words"])
    .default("characters")
    .describe(
      "What a table has rows for: every character, or whole words of scripts that put spaces between them and single characters of Chinese. Words are learned from far fewer pictures; characters know no unknown word.",
    ),
  buckets: size
    .min(3)
    .default(4096)
    .describe("Rows of each table; units are spread over them by a hash, so some share a row."),
});

/** What a person's settings become: nothing missing. */
export type CharacterOptions = z.output<typeof CharacterOptions>;
