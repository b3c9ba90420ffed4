import { type Augmenter, type OptionMeta, z } from "@hyfw/core";

const CROP = "crop-flip/crop";
const FLIP = "crop-flip/flip";
const flag = (name: string): OptionMeta & Record<string, unknown> => ({ flag: name });

/** Options of crop and flip. */
export const CropFlipOptions = z.strictObject({
  randomCrop: z
    .boolean()
    .default(true)
    .describe("Cuts the window at a random place of the resized picture instead of its centre."),
  randomFlip: z
    .boolean()
    .default(false)
    .describe("Mirrors pictures left to right at random; captions that say left or right then lie.")
    .meta(flag("--random-flip")),
  flipProbability: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("Chance that a picture is mirrored when randomFlip is on."),
});

/** What a person's settings become: nothing missing. */
export type CropFlipOptions = z.output<typeof CropFlipOptions>;

/**
 * Moves the crop window and decides on mirroring. The offset is uniform over all that fit, top drawn before left. The crop stays as drawn
 * when the picture is mirrored: HunyuanDiT conditions on it from before.
 */
export function cropFlip({ randomCrop, randomFlip, flipProbability }: CropFlipOptions): Augmenter {
  return {
    name: "crop-flip",
    purposes: [CROP, FLIP],
    augment: (sample, dice) => {
      const { resized, resolution, crop } = sample.geometry;
      const place = dice.stream(CROP);
      const top = place.int(resized.height - resolution.height + 1);
      const left = place.int(resized.width - resolution.width + 1);
      const mirrored = dice.stream(FLIP).uniform() < flipProbability;
      return {
        ...sample,
        geometry: {
          ...sample.geometry,
          crop: randomCrop ? { top, left } : crop,
          flip: randomFlip ? mirrored : sample.geometry.flip,
        },
      };
    },
  };
}
