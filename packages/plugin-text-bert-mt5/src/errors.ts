import { defineError } from "@hyfw/core";

/** A folder or file of a frozen text encoder is not there. */
export const encoderAbsent = defineError(
  "HYFW_TEXT_ENCODER_ABSENT",
  (what: string, option: string, path: string, looked: readonly string[]) => ({
    summary: `${what} is not at ${path}`,
    where: { "looked for": looked.join(", ") },
    setting: `${option} = ${JSON.stringify(path)}`,
    todo: "download the folders of the release as docs/models.md lists them, and set run.modelRoot (--model-root) to the folder that holds them, or name this one in the plugin's options",
  }),
);

/** A config.json asks for a network that is not built. */
export const encoderConfig = defineError(
  "HYFW_TEXT_ENCODER_CONFIG",
  (path: string, key: string, expected: string, found: unknown) => ({
    summary: `${path}: ${key} must be ${expected}, found ${JSON.stringify(found)}`,
    todo: "give the folder of BERT (bert) or of an mT5 encoder (mt5) as the release has them",
  }),
);

/** A file of a tokenizer cannot be read. */
export const tokenizerFile = defineError(
  "HYFW_TOKENIZER_FILE",
  (path: string, what: string, cause?: unknown) => ({
    summary: `${path} ${what}`,
    todo: "download it again",
    cause,
  }),
);

/** Token ids lie outside an encoder's table: tokenizer and encoder do not belong together. */
export const vocabularyLarger = defineError(
  "HYFW_TOKENIZER_VOCABULARY",
  (tokenizer: string, ids: number, encoder: string, rows: number) => ({
    summary: `the tokenizer in ${tokenizer} has ${ids} ids, the encoder in ${encoder} a table of ${rows} rows`,
    todo: "give the tokenizer that was published with this encoder",
  }),
);

/** More tokens are asked for than an encoder has positions. */
export const positionsFewer = defineError(
  "HYFW_TEXT_ENCODER_POSITIONS",
  (length: number, positions: number) => ({
    summary: `textLen is ${length}, the first encoder has ${positions} positions`,
    setting: `plugins.text-bert-mt5.textLen = ${length}`,
    todo: `set textLen to at most ${positions}; the published models were trained with 77`,
  }),
);

/** An encoder gave numbers that are not finite. */
export const statesNotFinite = defineError("HYFW_TEXT_ENCODER_FINITE", (which: string, dtype: string) => ({
  summary: `${which} in ${dtype} gave states that are not finite`,
  todo: `set plugins.text-bert-mt5.${which === "BERT" ? "bertDtype" : "mt5Dtype"} to float32, or to bfloat16 on a GPU`,
}));

/** An encoder's states have another width than the settings say. */
export const statesWidth = defineError(
  "HYFW_TEXT_ENCODER_WIDTH",
  (option: string, expected: number, folder: string, found: number) => ({
    summary: `${option} is ${expected}, the encoder in ${folder} gives states ${found} wide`,
    setting: `plugins.text-bert-mt5.${option} = ${expected}`,
    todo: "leave it out, or give the folder of the other encoder",
  }),
);
