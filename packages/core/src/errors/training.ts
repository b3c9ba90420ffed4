import { defineError } from "../define-error.js";
import { list, someOf } from "./words.js";

/** Too many steps had to be left out. */
export const notFiniteOften = defineError(
  "HYFW_NOT_FINITE_OFTEN",
  (step: number, limit: number, policy: string, rows: readonly string[]) => ({
    summary: `step ${step}: a loss or gradient is not finite, more than ${limit} times since the run was started`,
    ...(rows.length > 0 && { where: { rows: rows.slice(0, 8).join(", ") } }),
    setting: `train.onNonFinite = ${policy}, train.maxNonFinite = ${limit}`,
    todo: "lower train.lr or train.maxGradNorm, look at the rows with hyfw see, or compute in bf16 or fp32",
  }),
);

/** A segment of the model reads a value that nothing has written. */
export const segmentReads = defineError(
  "HYFW_SEGMENT_READS",
  (segment: string, value: string, there: readonly string[]) => ({
    summary: `${segment} reads ${JSON.stringify(value)}, which nothing before it writes`,
    where: { "there are": list(there) },
    todo: "correct the segment's reads, or write the value in an earlier segment or in the model's prepare",
  }),
);

/** A segment of the model gives other values than it says. */
export const segmentWrites = defineError(
  "HYFW_SEGMENT_WRITES",
  (segment: string, expected: readonly string[], found: readonly string[]) => ({
    summary: `segment ${segment} must give ${list(expected)}, found ${list(found)}`,
    todo: "correct the segment's writes, or what its run returns",
  }),
);

/** The backward of a segment found no graph, because its forward ran without grad. */
export const segmentWithoutGraph = defineError("HYFW_SEGMENT_NO_GRAPH", (segment: string) => ({
  summary: `segment ${segment} has gradients to take back, but its forward recorded nothing`,
  todo: "an accelerator that runs a forward without grad must call replay() before run() in its aroundBackward",
}));

/** CUDA is asked for and there is none. */
export const deviceMissing = defineError("HYFW_SETTING_DEVICE", () => ({
  summary: "run.device is cuda, and libtorch finds no CUDA GPU",
  todo: "set run.device to auto or cpu, or see `hyfw doctor` for what CUDA lacks here",
}));

/** The samples of one micro-batch have different shapes. */
export const collateShapes = defineError(
  "HYFW_COLLATE_SHAPES",
  (
    odd: { readonly row: string; readonly shape: string },
    other: { readonly row: string; readonly shape: string } | undefined,
    expected: { readonly height: number; readonly width: number },
  ) => ({
    summary: `a micro-batch of ${expected.height}x${expected.width} holds a picture of ${odd.shape}`,
    where: { [odd.row]: odd.shape, ...(other !== undefined && { [other.row]: other.shape }) },
    todo: "an augmenter must leave geometry.resolution as it is; look at the ones in plugins",
  }),
);

/** Epoch after epoch holds no whole unit. */
export const dataEndless = defineError(
  "HYFW_DATA_ENDLESS",
  (phase: string, unitSize: number, epochs: number) => ({
    summary: `phase ${phase}: ${epochs} epochs in a row hold not one unit of ${unitSize} samples`,
    todo: "lower train.batchSize, or add rows",
  }),
);

/** The loss of a micro-batch is not a finite number. */
export const lossNotFinite = defineError(
  "HYFW_LOSS_NOT_FINITE",
  (step: number, loss: number, rows: readonly string[]) => ({
    summary: `step ${step}: the loss is ${loss}; no weight was changed`,
    where: { rows: someOf(rows) },
    todo: "look at these rows; lower train.lr or add warm-up when the loss rose before",
  }),
);

/** The norm over all gradients is not a finite number. */
export const gradientNotFinite = defineError(
  "HYFW_GRADIENT_NOT_FINITE",
  (step: number, norm: number, parameter: string | undefined, rows: readonly string[]) => ({
    summary: `step ${step}: the gradient norm is ${norm}; no weight was changed`,
    where: {
      "first parameter": parameter ?? "none alone; only their sum overflows",
      rows: someOf(rows),
    },
    todo: "lower train.lr or add warm-up; with reduced precision try float32 once to tell the two apart",
  }),
);

/** A pattern of `train.lossWeights` names no Arrow file of the data. */
export const lossWeightNothing = defineError(
  "HYFW_SETTINGS_LOSS_WEIGHTS",
  (pattern: string, files: readonly string[]) => ({
    summary: `train.lossWeights: ${JSON.stringify(pattern)} names no Arrow file that holds a row of the data`,
    where: { "the data is in": someOf(files) },
    todo: "name Arrow files by their whole path, with * for any text: */class-pictures/*",
  }),
);

/** The model gives its loss as one number. */
export const lossesWhole = defineError("HYFW_SETTINGS_LOSS_WHOLE", () => ({
  summary: "train.lossWeights is set, and the model gives no losses per sample that could be weighed",
  todo: "remove train.lossWeights, or let the model's loss() give `each`",
}));
