import { defineError } from "@hyfw/core";

/** The model has no numbered blocks to run again. */
export const blocksMissing = defineError(
  "HYFW_CHECKPOINTING_SETTING_BLOCKS",
  (segments: readonly string[]) => ({
    summary: `the model's segments (${segments.join(", ")}) have no numbers at their ends, so there are no blocks to run again`,
    todo: "name blocks blocks.0, blocks.1, … in the model plugin, or set plugins.accelerator-gradient-checkpointing.enabled to false",
  }),
);
