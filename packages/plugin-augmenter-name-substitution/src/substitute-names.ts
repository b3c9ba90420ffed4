import {
  type Augmenter,
  type Caption,
  type CaptionEdit,
  changeCaptions,
  type Dice,
  editCaption,
  purposesFor,
} from "@hyfw/core";
import { surveyNames } from "./coverage.js";
import { type FoundName, NameFinder } from "./name-finder.js";
import type { NameTable } from "./name-table.js";
import type { NameSubstitutionOptions } from "./options.js";
import { PURPOSES } from "./purposes.js";

/**
 * Replaces English names by their Chinese ones. Each name that a caption holds has its own draw, for whether it is
 * replaced and by which variant, and fares alike wherever it stands in the caption. Names match as whole words,
 * whatever their case, width, and whether blanks or underscores part their words; where several fit, the longest.
 */
export function substituteNames(
  table: NameTable,
  { probability, draw }: Pick<NameSubstitutionOptions, "probability" | "draw">,
): Augmenter {
  const finder = new NameFinder(table);
  const change = (caption: Caption, dice: Dice, own: string): Caption => {
    const edits = finder.find(caption.text).flatMap((found): CaptionEdit[] => {
      const to = replacement(found, dice, { own, probability });
      return to === undefined ? [] : [{ start: found.start, end: found.end, to, why: "name-substitution" }];
    });
    return edits.length === 0 ? caption : editCaption(caption, edits);
  };
  return {
    name: "name-substitution",
    purposes: purposesFor(PURPOSES.name, draw),
    captions: "edits",
    chances: [
      {
        setting: "probability",
        probability,
        what: "a name becomes its Chinese one",
        touches: (_row, captions) =>
          captions.some((one) => finder.findIn(one).some(({ isAmbiguous }) => !isAmbiguous)),
      },
    ],
    survey: () => surveyNames(table, finder),
    augment: (sample, dice) => changeCaptions(sample, draw, (caption, own) => change(caption, dice, own)),
  };
}

/** What a name is replaced by; undefined when it stays. */
function replacement(
  { name, isAmbiguous, key }: FoundName,
  dice: Dice,
  { own, probability }: { readonly own: string; readonly probability: number },
): string | undefined {
  const rng = dice.stream(`${PURPOSES.name}${own}:${key}`);
  const isTaken = rng.uniform() < probability;
  const variant = name.zh[rng.int(name.zh.length)];
  return isTaken && !isAmbiguous ? variant : undefined;
}
