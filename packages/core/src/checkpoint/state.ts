import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { checkpointBroken } from "../errors/checkpoint.js";
import { PlaceSchema } from "../run/unit-places.js";

/** Name of the file with everything of a run that is not a tensor. */
export const STATE = "state.json";

const whole = z.number().int().min(0);

const StateSchema = z.object({
  step: whole,
  /** Samples trained so far, over all ranks. */
  samples: whole,
  place: PlaceSchema,
  seed: whole,
  unitSize: whole,
  /** Samples drawn from each data set since the run began, replaced ones included. */
  use: z.record(z.string(), whole).optional(),
  /** Rows that could not be read and were replaced since the run began, over all ranks. */
  badSamples: whole.optional(),
  /** Updates of the moving average; absent without one. */
  emaCount: whole.optional(),
  optimizerCounters: z.record(z.string(), z.number()),
  /** Numbers that accelerators go on with, by accelerator. */
  accelerators: z.record(z.string(), z.record(z.string(), z.number())).optional(),
  settingsHash: z.string(),
});

/** Where a run stood when it was saved. */
export type RunState = z.output<typeof StateSchema>;

/** Reads the state of a checkpoint. @throws HYFW_CHECKPOINT_BROKEN */
export async function readState(folder: string): Promise<RunState> {
  try {
    return StateSchema.parse(JSON.parse(await readFile(join(folder, STATE), "utf8")));
  } catch (cause) {
    throw checkpointBroken(folder, `its ${STATE} cannot be read`, cause);
  }
}
