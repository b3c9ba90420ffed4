import type { Augmenter, Chance, SurveyFact } from "../hooks/augmenter.js";
import type { Dataset, Row } from "../hooks/dataset.js";
import { type Caption, plainCaption } from "../text/caption.js";
import { diceKey, rngFromKey } from "./dice.js";

/** Rows that are read to count what chances can touch; of more, as many are picked. */
export const SURVEY_ROWS = 1000;

/** Rows that are read at a time. */
const AT_A_TIME = 64;

/** One chance with the rows that it can touch. */
export interface CountedChance {
  readonly augmenter: string;
  readonly chance: Chance;
  readonly rows: number;
}

/** What of an augmenter a survey asks; others that look at rows give as much. */
export type Surveyor = Pick<Augmenter, "name" | "chances" | "survey" | "choices">;

/** What was found in the rows of a data set. */
export interface RowSurvey {
  /** Rows that were looked at, and rows that there are. */
  readonly looked: number;
  readonly length: number;
  readonly chances: readonly CountedChance[];
  readonly facts: readonly (SurveyFact & { readonly augmenter: string })[];
}

/**
 * Counts, for every chance of a chain, the rows that it can touch, and lets augmenters look at the rows.
 * @param most rows to look at; of a longer data set, one from each of as many equal stretches, picked by `seed`
 */
export async function surveyRows(
  dataset: Pick<Dataset, "length" | "row">,
  augmenters: readonly Surveyor[],
  { seed, most = SURVEY_ROWS }: { readonly seed: number; readonly most?: number },
): Promise<RowSurvey> {
  const positions = pickPositions(dataset.length, most, seed);
  const counts = augmenters.flatMap(({ name, chances = [] }) =>
    chances.map((chance) => ({ augmenter: name, chance, rows: 0 })),
  );
  const surveys = augmenters.flatMap(({ name, survey }) => {
    const one = survey?.();
    return one === undefined ? [] : [{ augmenter: name, survey: one }];
  });
  for (let from = 0; from < positions.length; from += AT_A_TIME) {
    const rows = await Promise.all(positions.slice(from, from + AT_A_TIME).map((at) => dataset.row(at)));
    for (const row of rows) {
      const captions = captionChoices(augmenters, row);
      for (const count of counts) if (count.chance.touches(row, captions)) count.rows += 1;
      for (const { survey } of surveys) survey.add(row, captions);
    }
  }
  return {
    looked: positions.length,
    length: dataset.length,
    chances: counts,
    facts: surveys.flatMap(({ augmenter, survey }) => survey.facts().map((fact) => ({ augmenter, ...fact }))),
  };
}

/** Every caption that a row may be given; without an augmenter that chooses, its first text. */
export function captionChoices(
  augmenters: readonly Pick<Augmenter, "choices">[],
  row: Row,
): readonly Caption[] {
  const chooser = augmenters.findLast(({ choices }) => choices !== undefined);
  if (chooser?.choices !== undefined) return chooser.choices(row);
  return Object.entries(row.texts)
    .slice(0, 1)
    .map(([name, text]) => plainCaption(text, name));
}

function pickPositions(length: number, most: number, seed: number): number[] {
  if (length <= most) return Array.from({ length }, (_, position) => position);
  const rng = rngFromKey(diceKey(seed, 0, "survey", "survey/position"));
  const edge = (n: number): number => Math.floor((n * length) / most);
  return Array.from({ length: most }, (_, n) => edge(n) + rng.int(edge(n + 1) - edge(n)));
}
