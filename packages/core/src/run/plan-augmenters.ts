import { captionCutters } from "./caption-cuts.js";
import type { LoadedRun } from "./container.js";
import type { OpenData } from "./open-data.js";
import type { PlanSection } from "./plan.js";
import { type RowSurvey, surveyRows } from "./survey-rows.js";

/**
 * Every probability of the augmenters with the rows that it can touch, and how many captions the text encoders cut,
 * phase by phase; nothing where nobody looks at rows.
 */
export async function planAugmenters(
  run: Pick<LoadedRun, "providers" | "settings">,
  { phases }: Pick<OpenData, "phases">,
): Promise<PlanSection[]> {
  const sections: PlanSection[] = [];
  const sources = phases.flatMap((phase) => phase.sources);
  for (const { name, dataset, augmenters: own } of sources) {
    const augmenters = [...own, ...captionCutters(run)];
    if (augmenters.every(({ chances = [], survey }) => chances.length === 0 && survey === undefined))
      continue;
    const survey = await surveyRows(dataset, augmenters, { seed: run.settings.run.seed });
    const title = sources.length === 1 ? "Chances" : `Chances, phase ${name}`;
    sections.push({ title: `${title} (${lookedAt(survey)})`, rows: surveyLines(survey) });
  }
  return sections;
}

/** How many rows counts come from: `all 1,204 rows`, `1,000 rows looked at of 2,530,000`. */
export function lookedAt({ looked, length }: Pick<RowSurvey, "looked" | "length">): string {
  const count = (rows: number): string => rows.toLocaleString("en");
  return looked === length
    ? `all ${count(length)} row(s)`
    : `${count(looked)} rows looked at of ${count(length)}`;
}

/** Label and value of every chance and fact of a survey. */
export function surveyLines({ chances, facts, looked }: RowSurvey): (readonly [string, string])[] {
  const share = (rows: number): string =>
    looked === 0 ? "" : ` (${Number(((100 * rows) / looked).toFixed(1))} %)`;
  return [
    ...chances.map(
      ({ augmenter, chance, rows }) =>
        [
          `${augmenter} ${chance.setting}`,
          `${chance.probability}: ${chance.what}; can touch ${rows.toLocaleString("en")} row(s)${share(rows)}`,
        ] as const,
    ),
    ...facts.map(({ augmenter, label, fact }) => [`${augmenter} ${label}`, fact] as const),
  ];
}
