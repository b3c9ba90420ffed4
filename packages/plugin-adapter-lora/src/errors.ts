import { defineError } from "@hyfw/core";

/** No layer of the model has a name that is a target. */
export const targetsNone = defineError(
  "HYFW_LORA_TARGETS",
  (targets: readonly string[], layers: readonly string[]) => ({
    summary: `targetModules = ${targets.join(", ")} names none of the model's ${layers.length} linear layers`,
    where: { "some layers": layers.slice(0, 6).join(", ") },
    todo: "name the end of a layer's name, or the whole of it with * for any text",
  }),
);

/** An adapter to start from does not fit. */
export const startMisfit = defineError("HYFW_LORA_START", (path: string, what: string) => ({
  summary: `${path} does not fit the adapter of these settings: ${what}`,
  todo: "give rank and targetModules as the adapter was trained; `hyfw inspect` tells them, `hyfw convert --to peft` renames",
}));
