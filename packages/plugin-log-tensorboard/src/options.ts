import { z } from "@hyfw/core";

/** Options of the TensorBoard log. */
export const LogTensorboardOptions = z.strictObject({
  folder: z.string().default("tensorboard").describe("Folder for event files, within the run's own folder."),
  pictures: z.boolean().default(true).describe("Whether sample pictures go into the event files too."),
});

/** What a person's settings become: nothing missing. */
export type LogTensorboardOptions = z.output<typeof LogTensorboardOptions>;
