import { tidy } from "@hyfw/native";
import { gradientMissing } from "../errors/optimizers.js";
import type { ParameterSlot } from "../hooks/model.js";

/** @throws HYFW_OPTIMIZER_GRADIENT naming the first parameter without a gradient */
export function checkGradients(slots: readonly ParameterSlot[]): void {
  const missing = tidy(() => slots.filter(({ storage }) => storage.grad === undefined));
  if (missing.length > 0)
    throw gradientMissing(
      missing.map(({ name }) => name),
      slots.length,
    );
}
