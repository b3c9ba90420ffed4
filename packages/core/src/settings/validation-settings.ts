import { z } from "zod";

/** Settings of the loss over rows that are never trained on. */
export const ValidationSettings = z
  .strictObject({
    every: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe(
        "Optimizer steps between measurements of the validation loss; 0 is never. The last step is measured too.",
      )
      .meta({ flag: "--validation-every" }),
    fraction: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe(
        "Share of the pictures that is kept out of training for validation, the same pictures whatever else is set; equal pictures stay together.",
      )
      .meta({ flag: "--validation-fraction" }),
    data: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        "Rows for validation from elsewhere, as options laid over the dataset plugin's; their pictures are left out of training.",
      ),
    samples: z
      .number()
      .int()
      .min(1)
      .default(64)
      .describe("Rows that are measured, at most, over all buckets.")
      .meta({ flag: "--validation-samples" }),
    timesteps: z
      .number()
      .int()
      .min(1)
      .default(4)
      .describe("Timesteps that each row is measured at, spread evenly over the schedule."),
    batchSize: z.number().int().min(1).default(4).describe("Rows that are measured at once, per process."),
    ema: z
      .boolean()
      .default(false)
      .describe(
        "Whether the average of the weights is measured, where there is one, instead of the weights that are trained.",
      ),
    seed: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe(
        "What the choice of rows, their noise and timesteps are keyed by, apart from run.seed, so that runs can be compared.",
      ),
  })
  .superRefine(({ every, fraction, data }, context) => {
    if (fraction !== undefined && data !== undefined)
      context.addIssue({
        code: "custom",
        path: ["fraction"],
        message: "left out, since validation.data names the rows",
      });
    if (every > 0 && fraction === undefined && data === undefined)
      context.addIssue({
        code: "custom",
        path: ["every"],
        message: "0, or validation.fraction or validation.data to say which rows are measured",
      });
  });
