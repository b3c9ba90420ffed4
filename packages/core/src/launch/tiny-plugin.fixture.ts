import { z } from "zod";
import { DATASET } from "../hooks/dataset.js";
import { MODEL } from "../hooks/model.js";
import { OPTIMIZER } from "../hooks/optimizer.js";
import { SAMPLER } from "../hooks/sampler.js";
import { definePlugin } from "../plugin/define-plugin.js";
import { RUN_EVENTS } from "../run/events.js";
import { tinyModel } from "../run/tiny-model.fixture.js";
import { tinyDataset, tinyOptimizer, tinySampler } from "../run/tiny-run.fixture.js";

/** A whole tiny run as one plugin file, for tests that start `hyfw` itself. */
export default definePlugin({
  name: "tiny",
  version: "1.0.0",
  core: "*",
  options: z.strictObject({
    rows: z.number().default(24).describe("Rows."),
    failAt: z.number().optional().describe("Row whose reading fails, in the processes that read it."),
    killAt: z.number().optional().describe("Row whose reading kills the process."),
    killAtStep: z.number().optional().describe("Step after which rank 0 is killed."),
    attempt: z.number().default(0).describe("Attempt that failures happen in."),
    stepMs: z.number().default(0).describe("Milliseconds that each step takes longer."),
  }),
  provides: [DATASET, SAMPLER, MODEL, OPTIMIZER, RUN_EVENTS],
  setup: ({ options: { rows, failAt, killAt, killAtStep, attempt, stepMs }, provide }) => {
    const now = Number(process.env.TORCHELASTIC_RESTART_COUNT ?? 0);
    const onRead = (position: number): void => {
      if (now !== attempt) return;
      if (position === failAt) throw new Error(`row ${position} cannot be read`);
      if (position === killAt) process.kill(process.pid, "SIGKILL");
    };
    provide(DATASET, { open: async () => tinyDataset({ rows, onRead }) });
    provide(SAMPLER, tinySampler);
    provide(MODEL, { name: "tiny", build: tinyModel });
    provide(OPTIMIZER, { name: "momentum", create: tinyOptimizer });
    provide(RUN_EVENTS, {
      onStep: async ({ step }) => {
        await new Promise((resolve) => setTimeout(resolve, stepMs));
        if (now === attempt && step === killAtStep) process.kill(process.pid, "SIGKILL");
      },
    });
  },
});
