import { defineError } from "@hyfw/core";

/** An epoch without a single unit: too few rows for the unit size. */
export const noUnits = defineError(
  "HYFW_SAMPLER_NO_UNITS",
  (facts: { rows: number; buckets: number; unitSize: number; epoch: number; leftover: string }) => ({
    summary: `epoch ${facts.epoch} has no unit: ${facts.rows} row(s) in ${facts.buckets} bucket(s) never fill a unit of ${facts.unitSize} samples of one resolution`,
    setting: `sampler.leftover = "${facts.leftover}", unit = ${facts.unitSize} (world size × batch size)`,
    todo: 'lower the batch size, use fewer buckets, or set sampler.leftover to "pad" to repeat rows',
  }),
);

/** A unit size that cannot be dealt. */
export const unitSizeInvalid = defineError("HYFW_SAMPLER_UNIT_SIZE", (unitSize: number) => ({
  summary: `a unit must hold a whole number of samples, at least 1, found ${unitSize}`,
  todo: "set a batch size of 1 or more",
}));
