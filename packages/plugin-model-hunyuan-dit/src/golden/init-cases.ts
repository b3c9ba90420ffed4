import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, load, numbers, same, Worst } from "@hyfw/core/golden";
import { Network } from "../network/network.js";
import { ReferenceConfig, referenceShape } from "./reference-network.js";

const InitFile = z.record(
  z.string(),
  z.object({
    config: ReferenceConfig,
    params: z.record(
      z.string(),
      z.object({
        rule: z.string(),
        shape: z.array(z.number()),
        mean: z.number(),
        std: z.number(),
        bound: z.number().optional(),
      }),
    ),
  }),
);
type Statistics = z.output<typeof InitFile>[string]["params"][string];

/** Both sides are samples: means and spreads may differ by so many standard errors, over hundreds of tensors. */
const LIMIT = 6;

/** First numbers of every parameter: mean and spread within sampling error, bounds and constants exactly. */
export function* initCases(folder: string): Generator<GoldenCase> {
  const facts = load(folder, "init_statistics.json", InitFile);
  for (const [set, { config, params }] of Object.entries(facts ?? {}))
    yield check(`init_statistics/${set}`, () => {
      const network = new Network({ path: "", device: "cpu", seed: 20_240_601 }, referenceShape(config));
      try {
        const worst = new Worst("mean and spread, in standard errors", LIMIT);
        const own = network.parameters();
        same(
          "names",
          own.map(({ name }) => name),
          Object.keys(params),
        );
        for (const { name, shape, storage } of own) {
          const expected = params[name];
          if (expected === undefined) continue;
          same(`${name} shape`, shape, expected.shape);
          worst.add(name, standardErrors(name, numbers(storage), expected));
        }
        return worst.outcome();
      } finally {
        network.dispose();
      }
    });
}

function standardErrors(
  name: string,
  values: readonly number[],
  { mean, std, bound, rule }: Statistics,
): number {
  const n = values.length;
  const ownMean = values.reduce((sum, value) => sum + value, 0) / n;
  if (std === 0) {
    const isConstant = n === 1 || values.every((value) => value === mean);
    if (!isConstant) throw new Error(`${name} must be ${mean} throughout (${rule})`);
    return 0;
  }
  if (bound !== undefined && values.some((value) => Math.abs(value) > bound * (1 + 1e-6)))
    throw new Error(`${name} leaves ±${bound} (${rule})`);
  const ownStd = Math.sqrt(
    values.reduce((sum, value) => sum + (value - ownMean) ** 2, 0) / Math.max(n - 1, 1),
  );
  const error = std * Math.sqrt(2 / n); // of the difference of two means; that of two spreads is below it
  return Math.max(Math.abs(ownMean - mean), Math.abs(ownStd - std)) / error;
}
