import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, l2, load, maxOf, numbers, type Outcome, relative, same, Worst } from "@hyfw/core/golden";
import { type MappedSafetensors, type Tensor, tidy } from "@hyfw/native";
import { emaDecay, type OfficialEma, warmupLr } from "./official-training.js";
import { ReferenceConfig, tensorsOf } from "./reference-network.js";
import { ReferenceSchedule } from "./schedule-cases.js";
import { ReferenceRun } from "./train-run.js";

const NAME = "train_step_results";

const EmaArguments = z.object({
  ema_dtype: z.enum(["fp16", "fp32", "none"]),
  ema_decay: z.number().optional(),
  ema_warmup: z.boolean().optional(),
  ema_warmup_power: z.number().optional(),
  ema_reset_decay: z.boolean().optional(),
});
const Combo = z.object({
  name: z.string(),
  lr: z.number(),
  wd: z.number(),
  ema: z.boolean().default(false),
  warmup: z.number().default(0),
  accum: z.number().default(1),
  predict: z.enum(["v_prediction", "epsilon", "sample"]).default("v_prediction"),
  snr: z.string().default("constant"),
  loss_per_microbatch: z.array(z.number()),
  mse: z.array(z.number()),
  vb: z.array(z.number()),
  grad_norm_before_clip: z.array(z.number()),
  lr_used: z.array(z.number()),
  lr_after_scheduler: z.array(z.number()),
  ema_decay: z.record(z.string(), z.array(z.number())),
});
export const TrainFile = z.object({
  weights: z.string(),
  batches: z.string(),
  config: ReferenceConfig,
  optimizer: z.object({ betas: z.tuple([z.number(), z.number()]), eps: z.number() }),
  clip_grad_norm: z.number(),
  diffusion: ReferenceSchedule.omit({ beta_start: true, beta_end: true }).extend({
    beta_start: z.number(),
    beta_end: z.number(),
  }),
  param_names: z.array(z.string()),
  zero_gradient_params: z.array(z.string()),
  combos: z.array(Combo),
  warmup_lr_tables: z.record(
    z.string(),
    z.object({
      min_lr: z.number(),
      max_lr: z.number(),
      warmup_num_steps: z.number(),
      type: z.enum(["log", "linear"]),
      last_batch_iteration: z.array(z.number()),
      lr: z.array(z.number()),
    }),
  ),
  ema_decay_tables: z.record(
    z.string(),
    z.object({ args: EmaArguments, decay_at_step: z.record(z.string(), z.number()) }),
  ),
  ema_variants: z.record(z.string(), EmaArguments),
});
/** What the training cases share, read from their JSON file. */
export type TrainFacts = z.output<typeof TrainFile>;
type ComboFacts = z.output<typeof Combo>;

/** The official warm-up's first rate where a reference does not say it. */
const WARMUP_MIN_LR = 1e-6;

/** Several optimizer steps in several settings, and the tables of rates and decays. */
export function* trainCases(folder: string): Generator<GoldenCase> {
  const facts = load(folder, `${NAME}.json`, TrainFile);
  if (facts === undefined) return;
  yield check("train_step/warm-up tables", () => warmupTables(facts));
  yield check("train_step/ema decay tables", () => emaTables(facts));
  const results = tensorsOf(folder, NAME);
  const final = load(folder, "train_step_final_ema_combo.json", z.object({ combo: z.string() }));
  for (const combo of facts.combos) {
    const last = final?.combo === combo.name ? tensorsOf(folder, "train_step_final_ema_combo") : undefined;
    yield* tidy(() => comboCases(folder, facts, combo, results, last));
  }
}

function warmupTables({ warmup_lr_tables }: TrainFacts): Outcome {
  const worst = new Worst("learning rates, relative", 1e-12);
  for (const [name, table] of Object.entries(warmup_lr_tables)) {
    const { min_lr: minLr, max_lr: maxLr, warmup_num_steps: steps, type } = table;
    const found = table.last_batch_iteration.map((update) => warmupLr({ minLr, maxLr, steps, type }, update));
    worst.add(name, maxOf(found, table.lr, relative));
  }
  return worst.outcome();
}

function emaTables({ ema_decay_tables }: TrainFacts): Outcome {
  const worst = new Worst("decays, relative", 1e-12);
  for (const [name, { args, decay_at_step }] of Object.entries(ema_decay_tables))
    for (const [step, decay] of Object.entries(decay_at_step))
      worst.add(`${name} at ${step}`, relative(emaDecay(officialEma(args), Number(step)), decay));
  return worst.outcome();
}

function officialEma(args: z.output<typeof EmaArguments>): OfficialEma {
  return {
    dtype: args.ema_dtype,
    decay: args.ema_decay,
    warmup: args.ema_warmup,
    power: args.ema_warmup_power,
    resetDecay: args.ema_reset_decay,
  };
}

/** What is collected over the steps of one setting; one case each. */
class ComboChecks {
  private readonly isSlow: boolean;
  readonly losses: Worst;
  readonly gradNorms = new Worst("gradient norms, relative; the first counted ten times", 1e-3);
  readonly norms = new Worst("norms of parameters and averages, relative", 5e-5);
  readonly largest: Worst;
  readonly most: Worst;

  constructor(readonly combo: ComboFacts) {
    const { lr } = combo;
    this.isSlow = lr < 3e-4; // the limits are given at 1e-4 and 1e-3
    const steps = combo.lr_used.length;
    this.losses = new Worst("losses, mse and vb; the first against 5e-6", this.isSlow ? 2e-5 : 1e-4);
    this.most = new Worst("99.9 % of the elements", this.isSlow ? 2e-6 : 2e-5);
    this.largest = new Worst("single elements", 2 * lr * steps);
  }
  addLosses(microStep: number, found: { loss: number; mse: number; vb: number }): void {
    const limit = this.isSlow ? 2e-5 : 1e-4;
    const weight = microStep === 0 ? 5e-6 / limit : 1;
    const { loss_per_microbatch, mse, vb } = this.combo;
    const add = (what: string, value: number, expected: number | undefined): void =>
      this.losses.add(`${what} ${microStep}`, Math.abs(value - (expected ?? Number.NaN)), weight);
    add("loss", found.loss, loss_per_microbatch[microStep]);
    add("mse", found.mse, mse[microStep]);
    add("vb", found.vb, vb[microStep]);
  }
  addElements(place: string, found: Tensor, expected: Tensor): void {
    const [a, b] = [numbers(found), numbers(expected)];
    const errors = a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN))).sort((x, y) => x - y);
    this.largest.add(place, errors.at(-1) ?? Number.NaN);
    for (const error of errors) this.elements.push(error);
  }
  readonly elements: number[] = [];

  cases(): GoldenCase[] {
    const { name } = this.combo;
    const sorted = this.elements.sort((a, b) => a - b);
    this.most.add("all compared tensors", sorted[Math.ceil(sorted.length * 0.999) - 1] ?? Number.NaN);
    const all = {
      losses: this.losses,
      "gradient norms": this.gradNorms,
      "parameter norms": this.norms,
      "parameters, 99.9 %": this.most,
      "parameters, all": this.largest,
    };
    return Object.entries(all).map(([what, worst]) =>
      check(`train_step/${name}/${what}`, () => worst.outcome()),
    );
  }
}

function comboCases(
  folder: string,
  facts: TrainFacts,
  combo: ComboFacts,
  results: MappedSafetensors,
  final: MappedSafetensors | undefined,
): GoldenCase[] {
  const [failed] = [check(`train_step/${combo.name}`, () => rates(combo))].filter(
    ({ status }) => status === "failed",
  );
  if (failed !== undefined) return [failed];
  const checks = new ComboChecks(combo);
  const averages = Object.entries(combo.ema ? facts.ema_variants : {}).map(([name, args]) => ({
    name,
    ema: officialEma(args),
  }));
  const run = new ReferenceRun(folder, facts, combo, averages);
  const skipped = new Set(facts.zero_gradient_params);
  try {
    for (const [step, lr] of combo.lr_used.entries()) {
      const first = step * combo.accum;
      const norm = tidy(() => run.step(first, lr, (micro, found) => checks.addLosses(micro, found)));
      const expected = combo.grad_norm_before_clip[step] ?? Number.NaN;
      checks.gradNorms.add(`step ${step}`, relative(norm, expected), step === 0 ? 0.1 : 1);
      tidy(() => compareArrays(`${combo.name}.`, step, run.parameters(), facts, results, checks));
      for (const { name } of averages)
        tidy(() =>
          compareArrays(`${combo.name}.ema.${name}.`, step, run.average(name), facts, results, checks),
        );
    }
    if (final !== undefined)
      for (const [name, tensor] of run.parameters())
        if (!skipped.has(name)) tidy(() => checks.addElements(`final ${name}`, tensor, final.get(name)));
    return checks.cases();
  } finally {
    run.dispose();
  }
}

/** The rates of a setting by the official order: the first update runs at the full rate, warm-up takes over after it. */
function rates({ lr, warmup, lr_used, lr_after_scheduler }: ComboFacts): Outcome {
  const after = (update: number): number =>
    warmup === 0 ? lr : warmupLr({ minLr: WARMUP_MIN_LR, maxLr: lr, steps: warmup, type: "log" }, update);
  const worst = new Worst("learning rates", 1e-12);
  for (const [step, used] of lr_used.entries()) {
    worst.add(`update ${step + 1}`, relative(step === 0 ? lr : after(step), used));
    worst.add(`after ${step + 1}`, relative(after(step + 1), lr_after_scheduler[step] ?? Number.NaN));
  }
  return worst.outcome();
}

/** Norms of all arrays after a step, and single elements of those that are stored whole. */
function compareArrays(
  prefix: string,
  step: number,
  arrays: ReadonlyMap<string, Tensor>,
  { param_names, zero_gradient_params }: TrainFacts,
  results: MappedSafetensors,
  checks: ComboChecks,
): void {
  same("parameter names", [...arrays.keys()].sort(), [...param_names].sort());
  const norms = numbers(results.get(`${prefix}param_l2`).select(0, step));
  for (const [i, name] of param_names.entries()) {
    const found = arrays.get(name);
    if (found === undefined || zero_gradient_params.includes(name)) continue;
    checks.norms.add(`${prefix}${name} after step ${step}`, relative(l2(found), norms[i] ?? Number.NaN));
    const stored = `${prefix}step${step}.${name}`;
    if (results.has(stored)) checks.addElements(stored, found, results.get(stored));
  }
}
