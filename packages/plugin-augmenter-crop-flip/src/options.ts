import { type OptionMeta, z } from "@hyfw/core";

const flag = (name: string): OptionMeta & Record<string, unknown> => ({ flag: name });
const chance = z.number().min(0).max(1);

/** Options of crop and flip. */
export const CropFlipOptions = z.strictObject({
  crop: z
    .enum(["random", "centre", "top"])
    .default("random")
    .describe(
      "Where the window is cut from the resized picture: at random, from the centre, or from the top and the horizontal centre. A window always lies inside: nothing is padded, and no colour changes.",
    ),
  cropReach: chance
    .default(1)
    .describe("How far from the centre a random window may lie, as a share of the way to the edge."),
  randomFlip: z
    .boolean()
    .default(false)
    .describe("Mirrors pictures left to right at random.")
    .meta(flag("--random-flip")),
  flipProbability: chance.default(0.5).describe("Chance that a picture is mirrored when randomFlip is on."),
  flipDirections: z
    .boolean()
    .default(false)
    .describe(
      "Mirrors also pictures whose captions or tags speak of left or right, in Chinese or English, as the official tools do; their captions then lie.",
    ),
  flipNever: z
    .array(z.string())
    .default([])
    .describe("Further words and phrases whose rows are never mirrored: text, 文字."),
  shrinkSizeCond: chance
    .default(0)
    .describe(
      "Chance that the size condition tells a smaller source, drawn evenly between the true size and the size after resizing, which is all that the training picture holds.",
    ),
});

/** What a person's settings become: nothing missing. */
export type CropFlipOptions = z.output<typeof CropFlipOptions>;
