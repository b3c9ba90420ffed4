import { defineError } from "../define-error.js";
import { suggest } from "../settings/suggest.js";

/** A parameter has no gradient when the optimizer is to update it. */
export const gradientMissing = defineError(
  "HYFW_OPTIMIZER_GRADIENT",
  (names: readonly string[], total: number) => ({
    summary: `${names.length} of ${total} parameters have no gradient, the first is ${names[0]}`,
    todo: "every parameter of the model must take part in the loss; look at the segment that it belongs to",
  }),
);

/** Saved optimizer state is not that of this model and optimizer. */
export const stateDiffers = defineError(
  "HYFW_OPTIMIZER_STATE",
  (name: string, expected: readonly number[], found: readonly number[] | undefined) => ({
    summary: `saved optimizer state does not fit: ${name} must be [${expected.join(", ")}], found ${
      found === undefined ? "none" : `[${found.join(", ")}]`
    }`,
    todo: "resume with the optimizer and the model that the checkpoint was saved with",
  }),
);

/** A group of tensors names nothing that is trained. */
export const groupNothing = defineError(
  "HYFW_SETTINGS_GROUP_MATCH",
  (group: number, pattern: string, names: readonly string[]) => {
    const near = suggest(pattern, names);
    return {
      summary: `train.groups[${group}].match: ${JSON.stringify(pattern)} names none of the ${names.length} tensors that are trained`,
      ...(near !== undefined && { where: { nearest: near } }),
      todo: "name trained tensors as `hyfw inspect FILE --tensors` lists them, with * for any text: blocks.*.attn1.*",
    };
  },
);

/** Earlier groups leave a later one nothing. */
export const groupShadowed = defineError(
  "HYFW_SETTINGS_GROUP_EMPTY",
  (group: number, patterns: readonly string[]) => ({
    summary: `train.groups[${group}] (${patterns.join(", ")}) gets no tensor: earlier groups take all that it names`,
    todo: "put the narrower group first, or remove this one",
  }),
);

/** The optimizer knows no groups. */
export const groupsUnknown = defineError("HYFW_SETTINGS_GROUPS", (optimizer: string) => ({
  summary: `train.groups is set, and the optimizer ${optimizer} updates all tensors by one rule`,
  todo: "remove train.groups, or take an optimizer plugin whose hook says takesRules",
}));

/** An optimizer that must see all parameters would get them in parts. */
export const optimizerInParts = defineError(
  "HYFW_SETTINGS_OPTIMIZER_PARTS",
  (optimizer: string, why: string, accelerator: string) => ({
    summary: `${optimizer} ${why}, and accelerator ${accelerator} updates parameters in groups, one after the other`,
    todo: `remove accelerator-${accelerator}, or take another optimizer, such as optimizer-adamw-8bit`,
  }),
);

/** Two moving averages at a time. */
export const averageTwice = defineError("HYFW_SETTINGS_AVERAGE_TWICE", (optimizer: string) => ({
  summary: `train.ema.enabled is true, and ${optimizer} keeps an average of the weights of its own to draw and publish with`,
  todo: "set train.ema.enabled to false, or take another optimizer",
}));
