import { kaimingUniformInit, zeroInit } from "./init.js";
import type { LowRank } from "./low-rank.js";
import { type Birth, Parameter } from "./parameter.js";

const TRAITS = { decays: true, castable: true };

/** Both arrays of a low-rank term, as peft begins them: down even between ±1/√in (Kaiming with a = √5), up zero. */
export function makeLowRank(
  weight: { readonly shape: readonly number[] },
  names: { readonly down: string; readonly up: string },
  { rank, alpha, birth }: { readonly rank: number; readonly alpha: number; readonly birth: Birth },
): LowRank {
  const [outFeatures = 0, inFeatures = 0] = weight.shape;
  return {
    down: new Parameter(names.down, [rank, inFeatures], kaimingUniformInit, birth, TRAITS),
    up: new Parameter(names.up, [outFeatures, rank], zeroInit, birth, TRAITS),
    scale: alpha / rank,
  };
}
