import { z } from "zod";
import { GroupSettings } from "./group-settings.js";
import { LossWeightSettings } from "./loss-weight-settings.js";
import { LR_SETTINGS, lrContradictions } from "./lr-settings.js";
import { ValidationSettings } from "./validation-settings.js";

/** Settings of the run itself: where it writes, what it starts from, what it computes on. */
export const RunSettings = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]+$/, "letters, digits, '.', '_' and '-' only")
    .optional()
    .describe("Name put into the run folder, as in runs/003-NAME; the model's name when left out.")
    .meta({ flag: "--task-flag" }),
  resultsDir: z
    .string()
    .default("runs")
    .describe("Folder that holds run folders.")
    .meta({ flag: "--results-dir", path: true }),
  modelRoot: z
    .string()
    .default("ckpts")
    .describe(
      "Folder with published weights, laid out as the official or the diffusers release has them; plugins look for theirs in it.",
    )
    .meta({ flag: "--model-root", path: true }),
  seed: z
    .number()
    .int()
    .min(0)
    .default(1234)
    .describe("Number that all chance in the run is keyed by.")
    .meta({ flag: "--global-seed" }),
  device: z
    .enum(["auto", "cpu", "cuda"])
    .default("auto")
    .describe("Where tensors live; auto takes CUDA when there is a GPU, else the CPU.")
    .meta({ flag: "--device" }),
  threads: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("CPU threads that one tensor operation may use; the machine's cores when left out.")
    .meta({ flag: "--threads" }),
  collectiveTimeout: z
    .number()
    .int()
    .min(1)
    .default(1800)
    .describe("Seconds that a process waits for the others before it gives up; for several processes.")
    .meta({ flag: "--collective-timeout" }),
  resume: z
    .string()
    .optional()
    .describe("Run to continue: its folder, one of its checkpoints, its name, or latest.")
    .meta({ flag: "--resume", bareValue: "latest" }),
});

/** Settings of the weights that training starts from. */
export const WeightSettings = z.strictObject({
  model: z
    .string()
    .optional()
    .describe(
      "Weights to start from: a file or a folder that holds one; the model's first weights when left out.",
    )
    .meta({ flag: "--resume-module-root", path: true }),
  ema: z
    .string()
    .optional()
    .describe("Weights that the moving average starts from; those of the model when left out.")
    .meta({ flag: "--resume-ema-root", path: true }),
  state: z
    .string()
    .default("auto")
    .describe("Which state of a file that holds several: module, ema, or auto for the first there is.")
    .meta({ flag: "--weights-state" }),
  allowMissing: z
    .boolean()
    .default(false)
    .describe("Whether tensors that only the model or only the file has are passed over, and counted.")
    .meta({ flag: "--no-strict" }),
});

/** Settings of the moving average of the weights. */
export const EmaSettings = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe("Whether a moving average of the weights is kept, saved and sampled from.")
    .meta({ flag: "--use-ema", negatedBy: "--no-ema" }),
  decay: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("Upper limit of the decay per optimizer step; 0.9999 when left out.")
    .meta({ flag: "--ema-decay" }),
  warmup: z
    .boolean()
    .default(false)
    .describe("Whether the decay grows with the step, as 1 - (1 + step)^-warmupPower.")
    .meta({ flag: "--ema-warmup", negatedBy: "--no-ema-warmup" }),
  warmupPower: z
    .number()
    .positive()
    .optional()
    .describe("Exponent of the decay's growth; 2/3 when left out.")
    .meta({ flag: "--ema-warmup-power" }),
});

/** Settings of the optimizer steps. */
export const TrainSettings = z
  .strictObject({
    batchSize: z
      .number()
      .int()
      .min(1)
      .default(1)
      .describe("Samples per rank in one micro-batch.")
      .meta({ flag: "--batch-size" }),
    gradAccuSteps: z
      .number()
      .int()
      .min(1)
      .default(1)
      .describe("Micro-batches per optimizer step.")
      .meta({ flag: "--grad-accu-steps" }),
    epochs: z
      .number()
      .int()
      .min(1)
      .default(100)
      .describe("Passes over the index, unless maxSteps ends the run earlier.")
      .meta({ flag: "--epochs" }),
    maxSteps: z
      .number()
      .int()
      .min(1)
      .default(10_000_000)
      .describe("Optimizer steps after which the run ends.")
      .meta({ flag: "--max-training-steps" }),
    ...LR_SETTINGS,
    maxGradNorm: z
      .number()
      .min(0)
      .default(1)
      .describe("Norm over all gradients above which they are scaled down; 0 leaves them as they are.")
      .meta({ flag: "--max-grad-norm" }),
    onNonFinite: z
      .enum(["stop", "skip", "rollback"])
      .default("stop")
      .describe(
        "What happens when a loss or gradient is not finite: stop ends the run before any weight changes, skip leaves the step out, rollback goes back to the last checkpoint and leaves out the samples up to there.",
      )
      .meta({ flag: "--on-non-finite" }),
    maxNonFinite: z
      .number()
      .int()
      .min(1)
      .default(10)
      .describe("Steps that onNonFinite may skip or roll back, since the run was started, before it stops."),
    only: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Names of tensors to train, * for any text: the others stay as they are; all when left out.")
      .meta({ flag: "--train-only" }),
    lossWeights: z
      .array(LossWeightSettings)
      .default([])
      .describe(
        "Rows whose loss weighs more or less, by their Arrow files, for instance pictures of a class beside those of one subject (prior preservation); of several rules that name a row, the first.",
      ),
    groups: z
      .array(GroupSettings)
      .default([])
      .describe(
        "Tensors with a learning rate or a weight decay of their own; of several that name one, the first.",
      ),
    ema: EmaSettings.prefault({}).describe("Moving average of the weights."),
  })
  .superRefine((settings, context) => {
    for (const { setting, message } of lrContradictions(settings))
      context.addIssue({ code: "custom", path: [setting], message });
  });

/** Settings of what is written while training. */
export const LogSettings = z.strictObject({
  every: z
    .number()
    .int()
    .min(1)
    .default(100)
    .describe("Optimizer steps between logged steps.")
    .meta({ flag: "--log-every" }),
  peakTflops: z
    .number()
    .positive()
    .optional()
    .describe(
      "What the device can do, in TFLOP/s of the type that it computes in; logged steps then say which share of it the model reaches (MFU).",
    )
    .meta({ flag: "--peak-tflops" }),
});

/** Settings of checkpoints. */
export const CheckpointSettings = z.strictObject({
  every: z
    .number()
    .int()
    .min(0)
    .default(100_000)
    .describe("Optimizer steps between kept checkpoints; 0 is never.")
    .meta({ flag: "--ckpt-every" }),
  latestEvery: z
    .number()
    .int()
    .min(0)
    .default(10_000)
    .describe("Optimizer steps between checkpoints that only serve to resume; 0 is never.")
    .meta({ flag: "--ckpt-latest-every" }),
  everyEpochs: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("Epochs between kept checkpoints; 0 is never.")
    .meta({ flag: "--ckpt-every-n-epoch" }),
  saveOptimizerState: z
    .boolean()
    .default(true)
    .describe("Whether optimizer moments are saved; without them a run resumes with moments at zero.")
    .meta({ flag: "--save-optimizer-state", negatedBy: "--no-save-optimizer-state" }),
  keep: z
    .number()
    .int()
    .min(1)
    .default(3)
    .describe("Newest checkpoints that stay on disk; older ones are removed.")
    .meta({ flag: "--ckpt-keep" }),
  keepEvery: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("Steps between checkpoints that stay for good, beside the newest; 0 is none.")
    .meta({ flag: "--ckpt-keep-every" }),
});

/** Settings of the pictures that are drawn while training. */
export const SampleSettings = z.strictObject({
  every: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("Optimizer steps between sample pictures; 0 is never.")
    .meta({ flag: "--sample-every" }),
  prompts: z.array(z.string()).default([]).describe("Prompts that sample pictures are drawn from."),
  solver: z.enum(["ddpm", "ddim", "dpmms"]).default("ddim").describe("Sampling method of sample pictures."),
  steps: z.number().int().min(1).default(25).describe("Solver steps per sample picture."),
  cfgScale: z.number().min(0).default(6).describe("Guidance scale of sample pictures; 1 is none."),
  guidanceRescale: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "Share by which guidance is brought back to the spread that it had; against washed-out colours.",
    ),
  negative: z.string().default("").describe("What sample pictures are drawn away from."),
  batchSize: z.number().int().min(1).default(8).describe("Sample pictures that are drawn at once."),
  seed: z.number().int().min(0).default(42).describe("Seed of the start noise of sample pictures."),
  resolution: z
    .strictObject({
      height: z.number().int().min(1).describe("Height in pixels."),
      width: z.number().int().min(1).describe("Width in pixels."),
    })
    .optional()
    .describe("Size of sample pictures; the first bucket's when left out."),
});

/** One training phase: its own data and length, over the run's. */
export const PhaseSettings = z.strictObject({
  name: z.string().min(1).describe("Name of the phase in the log and in checkpoints."),
  data: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("Options laid over the dataset plugin's for this phase."),
  epochs: z.number().int().min(1).optional().describe("Epochs of this phase; train.epochs when left out."),
  maxSteps: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("Optimizer steps of this phase; train.maxSteps when left out."),
});

/** What a preset needs of the machine and the installation; checked before anything else. */
export const RequireSettings = z.strictObject({
  cuda: z.boolean().default(false).describe("Whether the run needs a CUDA GPU."),
  gpus: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("GPUs that the preset was made for, all together; hyfw plan starts from it."),
  gpu: z.string().optional().describe("Card that the preset was made for, as hyfw plan --gpu names it."),
  plugins: z
    .array(z.string())
    .default([])
    .describe("Plugins that must be installed, also ones that no version of hyfw ships yet."),
});

/** All settings of the core. Plugin options stand under `plugins` and are checked by each plugin's own schema. */
export const SettingsSchema = z.strictObject({
  requires: RequireSettings.prefault({}).describe("What the run needs of the machine and the installation."),
  run: RunSettings.prefault({}).describe(
    "The run: where it writes, what it starts from, what it computes on.",
  ),
  weights: WeightSettings.prefault({}).describe("What the model's weights start from."),
  train: TrainSettings.prefault({}).describe("Optimizer steps: how many, how large, how fast."),
  validation: ValidationSettings.prefault({}).describe("The loss over rows that are never trained on."),
  log: LogSettings.prefault({}).describe("What is written while training."),
  checkpoint: CheckpointSettings.prefault({}).describe("When checkpoints are saved and kept."),
  samples: SampleSettings.prefault({}).describe("Pictures drawn while training."),
  phases: z
    .array(PhaseSettings)
    .min(1)
    .default([{ name: "main", data: {} }])
    .describe("Training phases, one after the other."),
  plugins: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .default({})
    .describe("Plugins by name, each with its options; their order is the order of augmenter chains."),
});

/** Settings as the code reads them: checked, nothing missing, paths absolute. */
export type Settings = z.output<typeof SettingsSchema>;

/** What a person writes in a preset or a config file: any part of the settings, and presets to start from. */
export type UserPreset = DeepPartial<Omit<z.input<typeof SettingsSchema>, "plugins" | "phases">> & {
  /** Presets laid before this one: paths, names in presets/, or npm packages; later ones win. */
  readonly extends?: string | readonly string[];
  readonly phases?: z.input<typeof SettingsSchema>["phases"] | typeof DELETE;
  /** Options by plugin name; null takes the plugin with its defaults, "$delete" removes it. */
  readonly plugins?: Readonly<Record<string, Readonly<Record<string, unknown>> | null | typeof DELETE>>;
};

/** The value that removes what earlier layers gave; a removed setting falls back to its default. */
export const DELETE = "$delete";

type DeepPartial<T> = T extends readonly unknown[]
  ? T | typeof DELETE
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> } | typeof DELETE
    : T | typeof DELETE;
