import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, load, maxOf, numbers, relative, Worst } from "@hyfw/core/golden";
import { tidy } from "@hyfw/native";
import { makeSchedule, namedBetas, type Schedule } from "../diffusion/schedule.js";
import { tensorsOf } from "./reference-network.js";

/** A noise schedule as the reference files name it. */
export const ReferenceSchedule = z.object({
  noise_schedule: z.enum(["scaled_linear", "linear", "squaredcos_cap_v2"]),
  beta_start: z.number(),
  beta_end: z.number(),
});

const ScheduleFile = z.object({
  schedules: z.record(z.string(), ReferenceSchedule),
  arrays: z.array(z.string()),
  stride: z.number().default(1),
});

const NAME = "diffusion_schedules";
const LIMIT = 1e-12;

const TABLES: Readonly<Record<string, (schedule: Schedule) => Float64Array>> = {
  betas: ({ betas }) => betas,
  alphas_cumprod: ({ alphasCumprod }) => alphasCumprod,
  alphas_cumprod_prev: ({ alphasCumprodPrev }) => alphasCumprodPrev,
  sqrt_alphas_cumprod: ({ sqrtAlphasCumprod }) => sqrtAlphasCumprod,
  sqrt_one_minus_alphas_cumprod: ({ sqrtOneMinusAlphasCumprod }) => sqrtOneMinusAlphasCumprod,
  log_one_minus_alphas_cumprod: ({ logOneMinusAlphasCumprod }) => logOneMinusAlphasCumprod,
  sqrt_recip_alphas_cumprod: ({ sqrtRecipAlphasCumprod }) => sqrtRecipAlphasCumprod,
  sqrt_recipm1_alphas_cumprod: ({ sqrtRecipm1AlphasCumprod }) => sqrtRecipm1AlphasCumprod,
  posterior_variance: ({ posteriorVariance }) => posteriorVariance,
  posterior_log_variance_clipped: ({ posteriorLogVarianceClipped }) => posteriorLogVarianceClipped,
  posterior_mean_coef1: ({ posteriorMeanCoef1 }) => posteriorMeanCoef1,
  posterior_mean_coef2: ({ posteriorMeanCoef2 }) => posteriorMeanCoef2,
};

/** The schedule that a reference names. */
export function referenceSchedule(options: z.output<typeof ReferenceSchedule>): Schedule {
  return makeSchedule(scheduleOptions(options));
}

function scheduleOptions({ noise_schedule, beta_start, beta_end }: z.output<typeof ReferenceSchedule>) {
  return { noiseSchedule: noise_schedule, betaStart: beta_start, betaEnd: beta_end };
}

/** Every table of every schedule, in float64. */
export function* scheduleCases(folder: string): Generator<GoldenCase> {
  const facts = load(folder, `${NAME}.json`, ScheduleFile);
  if (facts === undefined) return;
  const file = tensorsOf(folder, NAME);
  for (const [name, options] of Object.entries(facts.schedules))
    yield check(`${NAME}/${name}`, () => {
      const worst = new Worst("float64 tables, relative", LIMIT);
      const schedule = referenceSchedule(options);
      const compare = (stored: string, table: Float64Array | undefined): void => {
        if (table === undefined) throw new Error(`there is no table ${stored}`);
        const entries = Array.from(table).filter((_, t) => t % facts.stride === 0);
        tidy(() => worst.add(stored, maxOf(entries, numbers(file.get(`${name}.${stored}`)), relative)));
      };
      for (const stored of facts.arrays) compare(stored, TABLES[stored]?.(schedule));
      if (file.has(`${name}.named_betas`)) compare("named_betas", namedBetas(scheduleOptions(options)));
      return worst.outcome();
    });
}
