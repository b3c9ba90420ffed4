import { type DeviceName, fromTypedArray } from "@hyfw/native";
import { lossesWhole, lossWeightNothing } from "../errors/training.js";
import type { Sample } from "../hooks/augmenter.js";
import type { Dataset } from "../hooks/dataset.js";
import type { Loss } from "../hooks/model.js";
import type { Settings } from "../settings/schema.js";
import { patternOf } from "./name-pattern.js";

type Rules = Settings["train"]["lossWeights"];

/** The factor on a sample's loss; the first rule that names its Arrow file says it. */
export type LossWeightOf = (sample: Pick<Sample, "row">) => number;

/** @returns nothing where every loss weighs 1 */
export function lossWeightOf(rules: Rules): LossWeightOf | undefined {
  if (rules.length === 0) return undefined;
  const compiled = rules.map(({ match, weight }) => ({ patterns: match.map(patternOf), weight }));
  return ({ row }) =>
    compiled.find(({ patterns }) => patterns.some((pattern) => pattern.test(row.arrowFile)))?.weight ?? 1;
}

/** Reads rows until every pattern has named one. @throws HYFW_SETTINGS_LOSS_WEIGHTS for one that names none */
export async function checkLossWeights(rules: Rules, datasets: readonly Dataset[]): Promise<void> {
  const open = new Map(rules.flatMap(({ match }) => match.map((text) => [text, patternOf(text)] as const)));
  const files = new Set<string>();
  for (const dataset of datasets)
    for (const { positions } of dataset.buckets)
      for (const position of positions) {
        if (open.size === 0) return;
        const { arrowFile } = await dataset.row(position);
        if (files.has(arrowFile)) continue;
        files.add(arrowFile);
        for (const [text, pattern] of open) if (pattern.test(arrowFile)) open.delete(text);
      }
  const [nothing] = open.keys();
  if (nothing !== undefined) throw lossWeightNothing(nothing, [...files]);
}

/**
 * The loss with each sample's times its factor: the mean is Σ weight·loss / B, as in DreamBooth's prior preservation
 * (Ruiz et al. 2023, eq. 2). What is recorded per sample stays unweighted.
 * @throws HYFW_SETTINGS_LOSS_WHOLE when the model gives no losses per sample to weigh
 */
export function weighLoss(loss: Loss, weights: readonly number[], device: DeviceName): Loss {
  if (weights.every((weight) => weight === 1)) return loss;
  if (loss.each === undefined) throw lossesWhole();
  const made = fromTypedArray(Float32Array.from(weights), [weights.length]);
  const factors = device === "cpu" ? made : made.to({ device });
  return { ...loss, mean: loss.each.mul(factors).mean() };
}
