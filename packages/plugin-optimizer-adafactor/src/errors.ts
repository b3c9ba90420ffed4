import { defineError } from "@hyfw/core";

/** What the optimizer is given are stretches of arrays. */
export const stretchGiven = defineError("HYFW_ADAFACTOR_STRETCH", (name: string) => ({
  summary: `Adafactor keeps mean squares by rows and columns, and this process has only a stretch of ${name}`,
  todo: "use optimizer-adamw-8bit, or train without accelerator-zero: ZeRO deals stretches that are no rows to processes",
}));
