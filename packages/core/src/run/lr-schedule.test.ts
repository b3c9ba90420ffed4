import t from "tap";
import { describeLr, lrAt, scaledLr } from "./lr-schedule.js";

const BASE = {
  lr: 1e-3,
  lrSchedule: "constant",
  minLr: 0,
  lrPower: 2,
  lrCycles: 2,
  lrScaling: "none",
  lrScalingBase: 256,
  warmupSteps: 0,
  warmupMinLr: 1e-6,
  warmupForm: "log",
} as const;

/** Rates in thousandths of lr, by step; every run has 11 steps, so that step 6 is half of the way. */
const TABLE: readonly [string, Partial<Parameters<typeof lrAt>[2]>, Readonly<Record<number, number>>][] = [
  ["constant", {}, { 1: 1, 6: 1, 11: 1, 99: 1 }],
  ["linear", { lrSchedule: "linear", minLr: 2e-4 }, { 1: 1, 6: 0.6, 11: 0.2, 99: 0.2 }],
  ["cosine", { lrSchedule: "cosine" }, { 1: 1, 6: 0.5, 11: 0, 99: 0 }],
  [
    "polynomial",
    { lrSchedule: "polynomial", lrPower: 3, minLr: 1e-4 },
    { 1: 1, 6: 0.1 + 0.9 * 0.125, 11: 0.1 },
  ],
  [
    "cosine with restarts",
    { lrSchedule: "cosine_with_restarts" },
    { 1: 1, 2: (1 + Math.cos(0.2 * Math.PI)) / 2, 5: (1 + Math.cos(0.8 * Math.PI)) / 2, 6: 1, 11: 0, 99: 0 },
  ],
  ["log warm-up", { warmupSteps: 8, warmupMinLr: 0 }, { 1: 0, 2: 1 / 3, 4: 2 / 3, 8: 1, 9: 1 }],
  ["linear warm-up", { warmupSteps: 5, warmupMinLr: 0, warmupForm: "linear" }, { 1: 0, 3: 0.5, 5: 1, 6: 1 }],
  [
    "official warm-up: the first update at the full rate",
    { warmupSteps: 8, warmupMinLr: 0, warmupForm: "legacy" },
    { 1: 1, 2: 1 / 3, 4: 2 / 3, 8: 1, 9: 1 },
  ],
  [
    "warm-up, then a line over what is left",
    { warmupSteps: 3, warmupMinLr: 0, warmupForm: "linear", lrSchedule: "linear" },
    { 1: 0, 2: 0.5, 3: 1, 7: 0.5, 11: 0 },
  ],
];

for (const [name, changes, rates] of TABLE)
  t.test(name, async (t) => {
    for (const [step, share] of Object.entries(rates)) {
      const found = lrAt(Number(step), 11, { ...BASE, ...changes });
      t.ok(Math.abs(found - share * 1e-3) < 1e-15, `step ${step}: ${found}`);
    }
  });

t.test("lr follows the samples of a step, warm-up start and end stay", async (t) => {
  t.equal(scaledLr({ ...BASE, lrScaling: "linear", lrScalingBase: 16 }, 64).lr, 4e-3);
  t.equal(scaledLr({ ...BASE, lrScaling: "sqrt", lrScalingBase: 16 }, 64).lr, 2e-3);
  t.equal(scaledLr(BASE, 64).lr, 1e-3);
  const scaled = scaledLr({ ...BASE, lrScaling: "linear", lrScalingBase: 16, minLr: 1e-5 }, 64);
  t.match(scaled, { minLr: 1e-5, warmupMinLr: 1e-6 });
});

t.test("the plan says what the rate is and why", async (t) => {
  const settings = { ...BASE, lrScaling: "sqrt", lrScalingBase: 16, warmupSteps: 5 } as const;
  t.equal(
    describeLr(settings, 64, 100),
    "0.002 = 0.001 × √(64 / 16) samples per step, 5 warm-up steps, constant",
  );
  t.match(
    describeLr({ ...BASE, lrSchedule: "polynomial" }, 1, 9),
    /^0\.001, polynomial of power 2 to 0 at step 9$/,
  );
  t.match(describeLr({ ...BASE, warmupSteps: 5 }, 1, 5), /the run ends within its warm-up/);
});
