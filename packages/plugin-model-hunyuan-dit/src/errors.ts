import { defineError } from "@hyfw/core";
import type { LoadFaults } from "@hyfw/nn";

/** The widths of the text encoders do not fit the network. */
export const textWidth = defineError("HYFW_DIT_TEXT_WIDTH", (encoder: string, found: number) => ({
  summary: `the mT5 states of ${encoder} are ${found} wide; the attention pool has 8 heads, so the width must be a multiple of 8`,
  todo: "set textStatesDimT5 of the text encoder plugin to a multiple of 8",
}));

/** Pictures of this size cannot be cut into patches. */
export const sizeIndivisible = defineError(
  "HYFW_DIT_RESOLUTION",
  (height: number, width: number, step: number) => ({
    summary: `${height}x${width} pixels cannot be cut into patches: both sides must be multiples of ${step}`,
    where: {
      nearest: `${Math.max(step, Math.round(height / step) * step)}x${Math.max(step, Math.round(width / step) * step)}`,
    },
    todo: "choose such sizes in the settings of the data set (resoStep, align) and of the sample pictures",
  }),
);

/** The text encoder gives states of another shape than it declares. */
export const statesShape = defineError(
  "HYFW_DIT_TEXT_STATES",
  (name: string, expected: readonly number[], found: readonly number[]) => ({
    summary: `${name} must be [${expected.join(", ")}], found [${found.join(", ")}]`,
    todo: "correct the text encoder plugin: its segment writes other shapes than the plugin declares",
  }),
);

/** A timestep lies outside the schedule. */
export const timestepOutside = defineError("HYFW_DIT_TIMESTEP", (t: number, length: number) => ({
  summary: `timestep ${t} lies outside the schedule of ${length} steps`,
  todo: `give whole numbers from 0 to ${length - 1}`,
}));

/** A number of solver steps that the schedule cannot be cut into. */
export const solverSteps = defineError("HYFW_DIT_SOLVER_STEPS", (found: number, length: number) => ({
  summary: `${found} solver steps; there must be 1 to ${length}`,
  todo: "correct the number of steps of the sample pictures",
}));

/** Names of tensors that belong to no layout of HunyuanDiT. */
export const weightsUnknown = defineError(
  "HYFW_DIT_WEIGHTS_UNKNOWN",
  (path: string, names: readonly string[]) => ({
    summary: `${path} has no weights of HunyuanDiT under official or diffusers names`,
    where: { "first tensors": names.slice(0, 4).join(", ") || "none" },
    todo: "give the transformer's file; VAE and text encoders are files of their own",
  }),
);

/** Parts of a tensor that official weights keep as one are missing. */
export const weightsPartial = defineError(
  "HYFW_DIT_WEIGHTS_PARTIAL",
  (path: string, official: string, missing: readonly string[]) => ({
    summary: `${path} lacks ${missing.join(", ")}, a part of ${official}`,
    todo: "download the file again, or every part of it where it is split",
  }),
);

/** An adapter file does not fit HunyuanDiT. */
export const loraUnknown = defineError("HYFW_DIT_LORA", (path: string, what: string) => ({
  summary: `${path} cannot be used as a LoRA of HunyuanDiT: ${what}`,
  todo: "give an adapter that was trained on this model, in peft, kohya, ComfyUI or diffusers names",
}));

/** A conversion that has no meaning. */
export const convertImpossible = defineError("HYFW_DIT_CONVERT", (what: string) => ({
  summary: `this cannot be written: ${what}`,
  todo: "choose another --to or another file ending",
}));

/** Names or shapes of weights are not those of the model that they were recognised as. */
export const weightsMisfit = defineError("HYFW_DIT_WEIGHTS_MISFIT", (path: string, faults: LoadFaults) => {
  const { missing, unexpected, misshapen } = faults;
  const named = (list: readonly { readonly name: string; readonly near: string | undefined }[]): string =>
    short(list.map(({ name, near }) => (near === undefined ? name : `${name} (near ${near})`)));
  return {
    summary: `${path} does not fit the model: ${missing.length} tensors missing, ${unexpected.length} too many, ${misshapen.length} of another shape`,
    where: {
      ...(missing.length > 0 && { missing: named(missing) }),
      ...(unexpected.length > 0 && { "too many": named(unexpected) }),
      ...(misshapen.length > 0 && {
        shapes: short(
          misshapen.map(({ name, expected, found }) => `${name} must be [${expected}], found [${found}]`),
        ),
      }),
    },
    todo: "check that the file is whole and of this model",
  };
});

function short(texts: readonly string[]): string {
  return texts.length <= 6
    ? texts.join(", ")
    : `${texts.slice(0, 6).join(", ")} and ${texts.length - 6} more`;
}

/** Settings mean another model than the weights are of. */
export const weightsContradict = defineError(
  "HYFW_DIT_SETTINGS_WEIGHTS",
  (path: string, version: string, wrong: readonly string[]) => ({
    summary: `${path} holds weights of version ${version}, which the settings contradict`,
    where: Object.fromEntries(wrong.map((text, n) => [`${n + 1}`, text])),
    todo: "set these options of model-hunyuan-dit, or start from --preset hunyuan-dit-1.2 or hunyuan-dit-1.1",
  }),
);

/** Two files of weights are not of the same model. */
export const weightsOther = defineError(
  "HYFW_DIT_WEIGHTS_OTHER",
  (tuned: string, base: string, name: string) => ({
    summary: `${tuned} and ${base} are not the same model: they differ in ${name}`,
    todo: "give the model that the first was trained from",
  }),
);
