import { defineError } from "@hyfw/core";

/** A parameter has no gradient when the optimizer is to update it. */
export const gradientMissing = defineError(
  "HYFW_MUON_GRADIENT",
  (names: readonly string[], total: number) => ({
    summary: `${names.length} of ${total} parameters have no gradient, the first is ${names[0]}`,
    todo: "every parameter of the model must take part in the loss; look at the segment that it belongs to",
  }),
);

/** Saved state is not that of this model. */
export const stateDiffers = defineError(
  "HYFW_MUON_STATE",
  (name: string, expected: readonly number[], found: readonly number[] | undefined) => ({
    summary: `saved optimizer state does not fit: ${name} must be [${expected.join(", ")}], found ${
      found === undefined ? "none" : `[${found.join(", ")}]`
    }`,
    todo: "resume with the optimizer and the model that the checkpoint was saved with",
  }),
);

/** Nothing that the optimizer is given is a matrix. */
export const matricesNone = defineError("HYFW_MUON_MATRICES", (count: number, first: string | undefined) => ({
  summary: `none of the ${count} arrays to train is a matrix${first === undefined ? "" : `, the first is ${first}`}; Muon works on whole matrices`,
  todo: "use optimizer-adamw; with ZeRO, which deals out stretches of matrices, or take accelerator-zero away: --set plugins.accelerator-zero=$delete",
}));
