import { type Augmenter, type Row, z } from "@hyfw/core";
import { captionMissing } from "./errors.js";
import { strip } from "./strip.js";

/** What the official tools train an empty caption as: "draw some picture at random". */
export const DEFAULT_CAPTION = "随机生成一张图片";

const PURPOSE = "caption-choice/construction";

/** Options of the caption choice. */
export const CaptionChoiceOptions = z.strictObject({
  constructions: z
    .array(
      z.strictObject({
        column: z.string().describe("Text column of the Arrow files."),
        weight: z
          .number()
          .nonnegative()
          .default(1)
          .describe("How often it is drawn, relative to the other weights."),
      }),
    )
    .min(1)
    .nullable()
    .default(null)
    .describe(
      "Caption columns to draw from; null draws from every column whose name starts with text_, equally often.",
    ),
  onEmpty: z
    .enum(["error", "default"])
    .default("error")
    .describe(
      `What to do with a row whose captions are all empty: stop, or train it as "${DEFAULT_CAPTION}" as the official tools do.`,
    ),
});

/** What a person's settings become: nothing missing. */
export type CaptionChoiceOptions = z.output<typeof CaptionChoiceOptions>;

/**
 * Draws one caption column per sample and epoch, and strips its text. When that one is empty the next non-empty in the list is taken, so
 * one number is drawn whatever the row holds.
 * @throws HYFW_CAPTION_MISSING, while augmenting, when every caption of the row is empty and `onEmpty` is `error`
 */
export function chooseCaption({ constructions, onEmpty }: CaptionChoiceOptions): Augmenter {
  return {
    name: "caption-choice",
    purposes: [PURPOSE],
    augment: (sample, dice) => {
      const list = constructions ?? defaultConstructions(sample.row);
      const from = drawn(list, dice.stream(PURPOSE).uniform());
      for (let i = 0; i < list.length; i++) {
        const { column = "", weight = 0 } = list[(from + i) % list.length] ?? {};
        const caption = strip(sample.row.texts[column] ?? "");
        if (caption !== "" && weight > 0) return { ...sample, caption, construction: column };
      }
      if (onEmpty === "error")
        throw captionMissing(
          sample.row,
          list.map(({ column }) => column),
        );
      const notes = [...sample.notes, "caption-choice: every caption is empty, the default one is used"];
      return { ...sample, caption: DEFAULT_CAPTION, construction: "default", notes };
    },
  };
}

type Constructions = readonly { readonly column: string; readonly weight: number }[];

function defaultConstructions(row: Row): Constructions {
  return Object.keys(row.texts)
    .filter((column) => column.startsWith("text_"))
    .map((column) => ({ column, weight: 1 }));
}

/** Place in the list that `uniform` in [0, 1) falls on, by weight. */
function drawn(list: Constructions, uniform: number): number {
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  let rest = uniform * total;
  for (const [i, { weight }] of list.entries()) {
    rest -= weight;
    if (rest < 0) return i;
  }
  return 0;
}
