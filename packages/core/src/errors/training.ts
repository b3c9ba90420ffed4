import { defineError } from "../define-error.js";

/** Too many steps had to be left out. */
export const notFiniteOften = defineError(
  "HYFW_NOT_FINITE_OFTEN",
  (step: number, limit: number, policy: string, rows: readonly string[]) => ({
    summary: `step ${step}: a loss or gradient is not finite, more than ${limit} times since the run was started`,
    ...(rows.length > 0 && { where: { rows: rows.slice(0, 8).join(", ") } }),
    setting: `train.onNonFinite = ${policy}, train.maxNonFinite = ${limit}`,
    todo: "lower train.lr or train.maxGradNorm, look at the rows with hyfw see, or compute in bf16 or fp32",
  }),
);
