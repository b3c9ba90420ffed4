import {
  type Augmenter,
  type Caption,
  type Chance,
  type Dice,
  plainCaption,
  purposesFor,
  type Row,
  type Sample,
} from "@hyfw/core";
import { type Construction, constructionsOf } from "./construction.js";
import { captionMissing } from "./errors.js";
import { type CaptionOptions, DEFAULT_CAPTION } from "./options.js";
import { PURPOSES } from "./purposes.js";
import { surveyConstructions } from "./survey-constructions.js";

/**
 * Gives each sample the captions of its text encoders: takes one of the constructions that hold text, by the policy
 * `choose`, and draws for each encoder whether its caption is dropped for guidance. One number is drawn for the choice,
 * whatever the row holds.
 * @throws HYFW_CAPTION_MISSING, while augmenting, when no construction holds text and `onEmpty` is `error`
 */
export function caption(options: CaptionOptions): Augmenter {
  const { draw, onEmpty, uncondP, uncondPT5 } = options;
  const constructions = constructionsOf(options);
  const candidates = (row: Row): readonly Construction[] => candidatesOf(constructions(row), row, options);
  const take = (sample: Sample, dice: Dice, own: string): Caption => {
    const { row } = sample;
    const place = dice.stream(`${PURPOSES.construction}${own}`).uniform();
    const chosen = byWeight(candidates(row), place);
    if (chosen === undefined && onEmpty === "error")
      throw captionMissing(
        row,
        constructions(row).map(({ name }) => name),
      );
    if (chosen === undefined) return plainCaption(DEFAULT_CAPTION, "default");
    const order = dice.stream(`${PURPOSES.shuffle}${own}:${chosen.name}`);
    return plainCaption(chosen.write(row, order), chosen.name);
  };
  return {
    name: "caption",
    purposes: [
      ...purposesFor(PURPOSES.construction, draw),
      ...purposesFor(PURPOSES.shuffle, draw),
      PURPOSES.uncond,
      PURPOSES.uncondT5,
    ],
    captions: "chooses",
    choices: (row) => candidates(row).map((one) => plainCaption(one.write(row), one.name)),
    chances: chancesOf(options),
    survey: () => surveyConstructions(constructions, options),
    augment: (sample, dice) => {
      const shared = take(sample, dice, "");
      const second = draw === "sample" ? shared : take(sample, dice, "-t5");
      const isDropped = dice.stream(PURPOSES.uncond).uniform() < uncondP;
      const isDroppedT5 = dice.stream(PURPOSES.uncondT5).uniform() < uncondPT5;
      const isDefault = shared.construction === "default" || second.construction === "default";
      const notes = isDefault
        ? [...sample.notes, "caption: every caption is empty, the default one is used"]
        : sample.notes;
      return {
        ...sample,
        notes,
        caption: isDropped ? { ...shared, isDropped } : shared,
        captionT5: isDroppedT5 ? { ...second, isDropped: isDroppedT5 } : second,
      };
    },
  };
}

/** The constructions that the policy may take for a row, those without text left out. */
function candidatesOf(
  all: readonly Construction[],
  row: Row,
  { choose, fixed }: Pick<CaptionOptions, "choose" | "fixed">,
): readonly Construction[] {
  const named =
    choose === "fixed" ? all.filter(({ name }) => name === fixed) : all.filter(({ weight }) => weight > 0);
  const holding = named.filter((one) => one.write(row) !== "");
  return choose === "first" ? holding.slice(0, 1) : holding;
}

/** The construction that `uniform` in [0, 1) falls on, by weight; a single one whatever its weight. */
function byWeight(list: readonly Construction[], uniform: number): Construction | undefined {
  const total = list.reduce((sum, { weight }) => sum + weight, 0);
  let rest = uniform * total;
  for (const one of list) {
    rest -= one.weight;
    if (rest < 0) return one;
  }
  return list[0];
}

function chancesOf({ constructions, choose, draw, uncondP, uncondPT5 }: CaptionOptions): Chance[] {
  const total = constructions?.reduce((sum, { weight }) => sum + weight, 0) ?? 1;
  const each = draw === "encoder" ? ", for each encoder on its own" : "";
  const named = constructionsOf({ constructions })({ texts: {} } as Row);
  const drawn = choose === "random" ? named : [];
  return [
    ...drawn.map(
      ({ name, weight }): Chance => ({
        setting: `constructions ${name}`,
        probability: Number((weight / total).toFixed(4)),
        what: `drawn where all hold text${each}`,
        touches: (_row, captions) => captions.some(({ construction }) => construction === name),
      }),
    ),
    { setting: "uncondP", probability: uncondP, what: "BERT gets no caption", touches: () => true },
    { setting: "uncondPT5", probability: uncondPT5, what: "mT5 gets no caption", touches: () => true },
  ];
}
