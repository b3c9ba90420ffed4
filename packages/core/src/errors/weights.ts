import { defineError } from "../define-error.js";
import { suggest } from "../settings/suggest.js";

/** Nothing that holds weights is at a path. */
export const weightsNotFound = defineError("HYFW_WEIGHTS_NOT_FOUND", (path: string, cause: unknown) => ({
  summary: `there are no weights at ${path}`,
  todo: "give a .safetensors, .safetensors.index.json or .pt file, or a folder that holds one",
  cause,
}));

/** A folder holds several files of weights, none by a usual name. */
export const weightsUnclear = defineError(
  "HYFW_WEIGHTS_UNCLEAR",
  (folder: string, found: readonly string[]) => ({
    summary: `${folder} holds ${found.length} files of weights and none of the usual names`,
    where: { found: found.slice(0, 8).join(", ") },
    todo: "name the file itself",
  }),
);

/** A file is of no layout that is read. */
export const weightsLayout = defineError("HYFW_WEIGHTS_LAYOUT", (path: string, what: string) => ({
  summary: `${path} ${what}`,
  todo: "download it again; other layouts have to be converted to safetensors by the program that wrote them",
}));

/** A file of several states lacks the one asked for. */
export const weightsStateAbsent = defineError(
  "HYFW_WEIGHTS_STATE",
  (path: string, key: string, found: readonly string[]) => ({
    summary: `${path} has no weights under ${JSON.stringify(key)}`,
    where: { "has weights under": found.length === 0 ? "no name of their own" : found.join(", ") },
    todo: "choose one that is there, or auto",
  }),
);

/** `train.only` names nothing that the model has. */
export const onlyNothing = defineError(
  "HYFW_SETTINGS_TRAIN_ONLY",
  (patterns: readonly string[], names: readonly string[]) => {
    const [first = ""] = patterns;
    const near = suggest(first, names);
    return {
      summary: `train.only = ${patterns.join(", ")} names none of the model's ${names.length} tensors`,
      ...(near !== undefined && { where: { nearest: near } }),
      todo: "name tensors as `hyfw inspect FILE --tensors` lists them, with * for any text: blocks.*.attn1.*",
    };
  },
);

/** Weights of a file do not fit the model. */
export const weightsDiffer = defineError("HYFW_WEIGHTS", (path: string, wrong: readonly string[]) => ({
  summary: `${path} does not fit the model: ${wrong.length} tensor(s) differ`,
  where: Object.fromEntries(wrong.slice(0, 8).map((text, n) => [`${n + 1}`, text])),
  todo: "use the settings that the weights were trained with",
}));

/** The model has no way to add an adapter's file. */
export const adapterUnknown = defineError("HYFW_WEIGHTS_ADAPTER", (path: string) => ({
  summary: `this model cannot add ${path} to its weights`,
  todo: "leave --lora out, or draw with the run that trained the adapter: --run",
}));
