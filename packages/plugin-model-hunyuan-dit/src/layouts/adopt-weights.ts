import type { WeightFile } from "@hyfw/core";
import { weightsContradict } from "../errors.js";
import type { NetworkShape } from "../network/shape.js";
import type { HunyuanDitOptions } from "../options.js";
import { asOfficial } from "./layout.js";
import { recognise } from "./recognise.js";

/** The last beta that published weights were trained with; the first is the same. */
const BETA_END = { "1.2": 0.018, "1.0 or 1.1": 0.03 } as const;

/**
 * Weights of any layout under official names, once it is certain that the settings mean the same model: sizes and
 * conditions are told by names and shapes, the schedule by the version, or by what the file says of itself.
 * @throws HYFW_DIT_SETTINGS_WEIGHTS naming each setting that contradicts the weights, with the value that fits
 */
export function adoptWeights(given: WeightFile, options: HunyuanDitOptions, shape: NetworkShape): WeightFile {
  const file = asOfficial(given);
  const { shape: found, version, model } = recognise(file);
  const wrong: string[] = [];
  const compare = (setting: string, own: unknown, needed: unknown): void => {
    if (own !== needed) wrong.push(`${setting} is ${String(own)}, the weights need ${String(needed)}`);
  };
  if (found.hiddenSize !== shape.hiddenSize || found.depth !== shape.depth)
    compare(
      "model",
      `${options.model} (width ${shape.hiddenSize}, ${shape.depth} blocks)`,
      `${model} (width ${found.hiddenSize}, ${found.depth} blocks)`,
    );
  if (found.qkNorm) compare("numHeads", shape.numHeads, found.numHeads);
  compare("useStyleCond", options.useStyleCond, found.useStyleCond);
  if ((options.sizeCond !== null) !== found.sizeCond)
    compare("sizeCond", shownSize(options.sizeCond), found.sizeCond ? "[1024, 1024]" : "null");
  compare("norm", options.norm, found.norm);
  compare("qkNorm", options.qkNorm, found.qkNorm);
  compare("learnSigma", options.learnSigma, found.learnSigma);
  const { betaEnd, predictType, noiseSchedule } = file.metadata;
  if (predictType !== undefined) compare("predictType", options.predictType, predictType);
  if (noiseSchedule !== undefined) compare("noiseSchedule", options.noiseSchedule, noiseSchedule);
  if (options.noiseSchedule !== "squaredcos_cap_v2") {
    if (betaEnd !== undefined) compare("betaEnd", options.betaEnd, Number(betaEnd));
    // Only the published sizes have published schedules.
    else if (model !== "custom") compare("betaEnd", options.betaEnd, BETA_END[version]);
  }
  if (wrong.length > 0) throw weightsContradict(file.path, version, wrong);
  return file;
}

function shownSize(size: HunyuanDitOptions["sizeCond"]): string {
  return size === null ? "null" : `[${size.join(", ")}]`;
}
