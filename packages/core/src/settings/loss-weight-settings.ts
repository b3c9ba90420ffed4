import { z } from "zod";

/** Settings of how much the losses of some rows weigh. */
export const LossWeightSettings = z.strictObject({
  match: z
    .array(z.string().min(1))
    .min(1)
    .describe("Arrow files of the rows, by path, * for any text; each must hold a row of the data."),
  weight: z
    .number()
    .min(0)
    .describe("Factor on the loss of each of these rows; 1 for rows that no pattern names."),
});
