import { z } from "zod";

/** Settings of one group of trained tensors. */
export const GroupSettings = z
  .strictObject({
    match: z
      .array(z.string().min(1))
      .min(1)
      .describe(
        "Names of tensors that belong to the group, * for any text; each must name one that is trained.",
      ),
    lr: z
      .number()
      .min(0)
      .optional()
      .describe("Learning rate of the group as a multiple of the run's; 1 when left out."),
    weightDecay: z
      .number()
      .min(0)
      .optional()
      .describe(
        "Weight decay of every tensor of the group, norms and biases too; the optimizer's when left out.",
      ),
  })
  .refine(({ lr, weightDecay }) => lr !== undefined || weightDecay !== undefined, {
    message: "a group with lr, weightDecay or both",
  });
