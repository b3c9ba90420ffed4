import { defineError } from "@hyfw/core";

/** Nothing that the optimizer is given is a matrix. */
export const matricesNone = defineError("HYFW_MUON_MATRICES", (count: number, first: string | undefined) => ({
  summary: `none of the ${count} arrays to train is a matrix${first === undefined ? "" : `, the first is ${first}`}; Muon works on whole matrices`,
  todo: "use optimizer-adamw; with ZeRO, which deals out stretches of matrices, or take accelerator-zero away: --set plugins.accelerator-zero=$delete",
}));
