import { defineError } from "@hyfw/core";

/** The widths of the text encoders do not fit the network. */
export const textWidth = defineError("HYFW_DIT_TEXT_WIDTH", (encoder: string, found: number) => ({
  summary: `the mT5 states of ${encoder} are ${found} wide; the attention pool has 8 heads, so the width must be a multiple of 8`,
  todo: "set textStatesDimT5 of the text encoder plugin to a multiple of 8",
}));

/** Pictures of this size cannot be cut into patches. */
export const sizeIndivisible = defineError(
  "HYFW_DIT_RESOLUTION",
  (height: number, width: number, step: number) => ({
    summary: `${height}x${width} pixels cannot be cut into patches: both sides must be multiples of ${step}`,
    where: {
      nearest: `${Math.max(step, Math.round(height / step) * step)}x${Math.max(step, Math.round(width / step) * step)}`,
    },
    todo: "choose such sizes in the settings of the data set (resoStep, align) and of the sample pictures",
  }),
);

/** The text encoder gives states of another shape than it declares. */
export const statesShape = defineError(
  "HYFW_DIT_TEXT_STATES",
  (name: string, expected: readonly number[], found: readonly number[]) => ({
    summary: `${name} must be [${expected.join(", ")}], found [${found.join(", ")}]`,
    todo: "correct the text encoder plugin: its segment writes other shapes than the plugin declares",
  }),
);

/** A timestep lies outside the schedule. */
export const timestepOutside = defineError("HYFW_DIT_TIMESTEP", (t: number, length: number) => ({
  summary: `timestep ${t} lies outside the schedule of ${length} steps`,
  todo: `give whole numbers from 0 to ${length - 1}`,
}));

/** A number of solver steps that the schedule cannot be cut into. */
export const solverSteps = defineError("HYFW_DIT_SOLVER_STEPS", (found: number, length: number) => ({
  summary: `${found} solver steps; there must be 1 to ${length}`,
  todo: "correct the number of steps of the sample pictures",
}));
