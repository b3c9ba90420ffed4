import { z } from "@hyfw/core";

/** Options of Muon (Jordan 2024, scaled as in Liu et al. 2025, "Muon is scalable for LLM training"). */
export const MuonOptions = z
  .strictObject({
    momentum: z
      .number()
      .min(0)
      .max(0.999999)
      .default(0.95)
      .describe("Decay of the running sum of a matrix's gradients, per step."),
    iterations: z
      .number()
      .int()
      .min(1)
      .max(20)
      .default(5)
      .describe("Newton-Schulz iterations that make an update orthogonal."),
    weightDecay: z
      .number()
      .min(0)
      .default(0)
      .describe("Share of each decaying weight that a step takes away, times the learning rate.")
      .meta({ flag: "--weight-decay" }),
    exclude: z
      .array(z.string().min(1))
      .default(["final_layer.*"])
      .describe("Matrices left to AdamW, by name, * for any text: the last layer as a rule."),
    adamLr: z
      .number()
      .positive()
      .default(1)
      .describe("Learning rate of everything that AdamW updates, as a multiple of the run's."),
    betas: z
      .tuple([z.number().min(0).max(0.999999), z.number().min(0).max(0.999999)])
      .default([0.9, 0.999])
      .describe("Decay of AdamW's running means of gradients and of their squares."),
    eps: z.number().positive().default(1e-8).describe("Added to the root of AdamW's mean square."),
  })
  .describe("Muon for the matrices inside the network, AdamW for everything else.");

export type MuonOptions = z.output<typeof MuonOptions>;
