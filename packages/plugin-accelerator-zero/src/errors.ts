import { defineError } from "@hyfw/core";

/** A model was built without numbers and cannot make those of a parameter alone. */
export const withoutFirstNumbers = defineError("HYFW_ZERO_FIRST_NUMBERS", (name: string) => ({
  summary: `stage 3 makes each process's part of the weights only, and ${name} cannot give its first numbers by itself`,
  todo: "the model's slots need initial(device), or build with numbers when withoutWeights is set; stages 1 and 2 do not ask for it",
}));
