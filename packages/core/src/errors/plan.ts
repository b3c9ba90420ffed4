import { defineError } from "../define-error.js";

/** The model plugin cannot say what its inputs look like without data. */
export const outlineMissing = defineError("HYFW_PLAN_OUTLINE", () => ({
  summary: "the model gives no outline of its inputs, so its memory cannot be planned",
  todo: "give the model plugin's model an outline(samples, resolution), or train a few steps and read the memory there",
}));

/** The plan was asked for a card that it does not know. */
export const gpuUnknown = defineError(
  "HYFW_PLAN_USAGE_GPU",
  (name: string, nearest: string | undefined, known: readonly string[]) => ({
    summary: `no GPU ${JSON.stringify(name)} is known to the plan${nearest === undefined ? "" : `; did you mean ${nearest}?`}`,
    where: { known: known.join(", ") },
    todo: "name one of them with --gpu",
  }),
);

/** The page of `hyfw board` cannot have the port that it asks for. */
export const boardPort = defineError("HYFW_BOARD_USAGE_PORT", (port: number, cause: unknown) => ({
  summary: `port ${port} of this machine cannot be taken`,
  todo: "choose another with --port, or --port 0 for any that is free",
  cause,
}));
