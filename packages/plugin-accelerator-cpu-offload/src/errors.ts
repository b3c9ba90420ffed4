import { defineError } from "@hyfw/core";

/** Gradients are to collect in host memory, and several processes sum theirs. */
export const gradientsShared = defineError("HYFW_OFFLOAD_SETTING_GRADIENTS", (worldSize: number) => ({
  summary: `plugins.accelerator-cpu-offload.gradients is true, and ${worldSize} processes sum their gradients, which happens on the GPUs`,
  todo: "set it to false; ZeRO stage 2 and 3 keep only a share of the gradients on each GPU",
}));
