import type { Augmenter, Chance, Geometry, Resolution, Rng, Sample } from "@hyfw/core";
import { mirrorGuard } from "./directions.js";
import type { CropFlipOptions } from "./options.js";
import { PURPOSES } from "./purposes.js";

/**
 * Moves the crop window, decides on mirroring, and may tell the size condition a smaller source. The crop stays as
 * drawn when the picture is mirrored: HunyuanDiT conditions on it from before.
 */
export function cropFlip(options: CropFlipOptions): Augmenter {
  const { randomFlip, flipProbability, shrinkSizeCond } = options;
  const mustNotMirror = mirrorGuard(options);
  return {
    name: "crop-flip",
    purposes: [PURPOSES.crop, PURPOSES.flip, PURPOSES.shrink],
    chances: chancesOf(options, mustNotMirror),
    augment: (sample, dice) => {
      const { geometry, notes } = sample;
      const isDrawn = dice.stream(PURPOSES.flip).uniform() < flipProbability && randomFlip;
      const isForbidden = isDrawn && mustNotMirror(sample.row, [sample.caption.text, sample.captionT5.text]);
      return {
        ...sample,
        geometry: {
          ...geometry,
          crop: cropPlace(geometry, options, dice.stream(PURPOSES.crop)),
          flip: isDrawn && !isForbidden ? !geometry.flip : geometry.flip,
        },
        sourceSize: shrunkSource(sample, shrinkSizeCond, dice.stream(PURPOSES.shrink)),
        notes: isForbidden ? [...notes, "crop-flip: not mirrored, its captions speak of sides"] : notes,
      };
    },
  };
}

/** Top left of the window. Random ones are uniform over all places within reach, top drawn before left. */
function cropPlace(
  { resized, resolution, crop }: Geometry,
  { crop: policy, cropReach }: Pick<CropFlipOptions, "crop" | "cropReach">,
  rng: Rng,
): Geometry["crop"] {
  const place = (side: keyof Resolution, centre: number): number => {
    const most = resized[side] - resolution[side];
    const low = Math.ceil(centre * (1 - cropReach));
    const high = Math.floor(centre + (most - centre) * cropReach);
    return low + rng.int(high - low + 1);
  };
  const drawn = { top: place("height", crop.top), left: place("width", crop.left) };
  if (policy === "random") return drawn;
  return policy === "top" ? { top: 0, left: crop.left } : crop;
}

/** The source size that is told: at times a smaller one, never below what the picture is resized to. */
function shrunkSource({ sourceSize, geometry }: Sample, probability: number, rng: Rng): Resolution {
  const isDrawn = rng.uniform() < probability;
  const way = rng.uniform();
  const smallest = Math.max(
    geometry.resized.height / sourceSize.height,
    geometry.resized.width / sourceSize.width,
  );
  if (!isDrawn || smallest >= 1) return sourceSize;
  const scale = smallest + (1 - smallest) * way;
  return {
    height: Math.round(sourceSize.height * scale),
    width: Math.round(sourceSize.width * scale),
  };
}

function chancesOf(
  { randomFlip, flipProbability, shrinkSizeCond }: CropFlipOptions,
  mustNotMirror: ReturnType<typeof mirrorGuard>,
): Chance[] {
  const flip: Chance = {
    setting: "flipProbability",
    probability: flipProbability,
    what: "mirrored left to right",
    touches: (row, captions) =>
      !mustNotMirror(
        row,
        captions.map(({ text }) => text),
      ),
  };
  return [
    ...(randomFlip ? [flip] : []),
    {
      setting: "shrinkSizeCond",
      probability: shrinkSizeCond,
      what: "the size condition tells a smaller source, where the picture is shrunk for its bucket",
      touches: () => true,
    },
  ].filter(({ probability }) => probability > 0);
}
