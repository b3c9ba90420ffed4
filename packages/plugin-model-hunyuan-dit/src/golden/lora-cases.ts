import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "@hyfw/core";
import type { GoldenCase } from "@hyfw/core/golden";
import { check, load, maxDifference, numbers, type Outcome, relative, Worst } from "@hyfw/core/golden";
import { openWeights } from "@hyfw/core/weights";
import { type MappedSafetensors, noGrad, type Tensor, tidy } from "@hyfw/native";
import { makeLowRank, type Parameter } from "@hyfw/nn";
import { readLora } from "../layouts/lora-file.js";
import type { Network } from "../network/network.js";
import {
  loadReference,
  ReferenceConfig,
  referenceValues,
  runNetwork,
  tensorsOf,
} from "./reference-network.js";
import { TrainFile } from "./train-cases.js";
import { ReferenceRun } from "./train-run.js";

const NAME = "lora";
const LoraFacts = z.object({
  base_weights: z.string(),
  base_config: ReferenceConfig,
  r: z.number(),
  lora_alpha: z.number(),
  target_modules: z.array(z.string()),
  adapter_dir: z.string(),
  train: z.object({
    lr: z.number(),
    steps: z.number(),
    loss: z.array(z.number()),
    grad_norm_before_clip: z.array(z.number()),
  }),
});
type LoraFacts = z.output<typeof LoraFacts>;

const LIMITS = { forward: 2e-5, merged: 1e-6, loss: 1e-4, gradNorm: 1e-3, final: 2e-5 };
/** The pool reads its weight past the layer, so its adapter neither acts nor learns in the official model. */
const WITHOUT_EFFECT = /^pooler\./;
/** Elements that noise may push by up to lr per step: those with nearly no gradient. */
const STRAYING = 1e-3;

/** An adapter of peft: forward, merged weights, and training it alone. */
export function* loraCases(folder: string): Generator<GoldenCase> {
  const facts = load(folder, `${NAME}.json`, LoraFacts);
  if (facts === undefined) return;
  const file = tensorsOf(folder, NAME);
  yield check(`${NAME}/forward`, () => tidy(() => noGrad(() => forward(folder, facts, file))));
  yield check(`${NAME}/merged`, () => tidy(() => noGrad(() => merged(folder, facts, file))));
  if (existsSync(join(folder, "train_step_results.json")))
    yield check(`${NAME}/train`, () => tidy(() => train(folder, facts, file)));
}

/** Puts an adapter's arrays beside the layers that they act on. @returns its parameters */
function attach(
  network: Network,
  get: (module: string, side: "A" | "B") => Tensor,
  facts: LoraFacts,
): Parameter[] {
  const { r: rank, lora_alpha: alpha } = facts;
  const slots = new Map(network.parameters().map((slot) => [slot.name, slot]));
  const modules = targetLayers(slots.keys(), facts.target_modules);
  return modules.flatMap((module) => {
    const slot = slots.get(`${module}.weight`);
    if (slot === undefined) throw new Error(`the network has no ${module}`);
    const names = { down: `${module}.lora_A`, up: `${module}.lora_B` };
    const term = makeLowRank(slot, names, { rank, alpha, birth: { device: "cpu", seed: 0 } });
    noGrad(() => {
      term.down.storage.copy_(get(module, "A"));
      term.up.storage.copy_(get(module, "B"));
    });
    slot.adapt(term);
    return [term.down, term.up];
  });
}

/** Layers whose names end with a target, as peft chooses them. */
function targetLayers(names: Iterable<string>, targets: readonly string[]): string[] {
  const layers = [...names].filter((name) => name.endsWith(".weight")).map((name) => name.slice(0, -7));
  return layers.filter(
    (layer) => !WITHOUT_EFFECT.test(layer) && targets.some((target) => layer.endsWith(`.${target}`)),
  );
}

function output(network: Network, file: MappedSafetensors): Tensor {
  const get = (name: string): Tensor | undefined =>
    file.has(`in.${name}`) ? file.get(`in.${name}`) : undefined;
  return runNetwork(network, referenceValues(get, file.get("in.x"), numbers(file.get("in.t"))));
}

function forward(folder: string, facts: LoraFacts, file: MappedSafetensors): Outcome {
  const { modules } = readLora(openWeights(join(folder, facts.adapter_dir)));
  const network = loadReference(folder, facts.base_weights, facts.base_config);
  const worst = new Worst("output without and with the adapter", LIMITS.forward);
  worst.add("base", maxDifference(output(network, file), file.get("base_forward")));
  const get = (module: string, side: "A" | "B"): Tensor => {
    const found = modules.get(module);
    if (found === undefined) throw new Error(`the adapter has no ${module}`);
    return side === "A" ? found.down.get() : found.up.get();
  };
  const own = attach(network, get, facts);
  worst.add("adapted", maxDifference(output(network, file), file.get("lora_forward")));
  for (const parameter of own) parameter.dispose();
  network.dispose();
  return worst.outcome();
}

function merged(folder: string, facts: LoraFacts, file: MappedSafetensors): Outcome {
  const { modules } = readLora(openWeights(join(folder, facts.adapter_dir)));
  const network = loadReference(folder, facts.base_weights, facts.base_config);
  const worst = new Worst("merged weights", LIMITS.merged);
  for (const slot of network.parameters()) {
    const module = modules.get(slot.name.replace(/\.weight$/, ""));
    if (module === undefined) continue;
    const { down, up, alpha } = module;
    slot.storage.add_(
      up
        .get()
        .matmul(down.get())
        .mul(alpha / (down.shape[0] ?? 1)),
    );
    if (file.has(`merged.${slot.name}`))
      worst.add(slot.name, maxDifference(slot.storage, file.get(`merged.${slot.name}`)));
  }
  worst.add(
    "output",
    maxDifference(output(network, file), file.get("merged_forward")),
    LIMITS.forward / LIMITS.merged,
  );
  network.dispose();
  return worst.outcome();
}

function train(folder: string, facts: LoraFacts, file: MappedSafetensors): Outcome {
  const shared = load(folder, "train_step_results.json", TrainFile);
  if (shared === undefined) throw new Error("train_step_results.json is gone");
  const { lr, steps, loss, grad_norm_before_clip: norms } = facts.train;
  const name = (module: string, side: "A" | "B"): string =>
    `base_model.model.${module}.lora_${side}.default.weight`;
  const run = new ReferenceRun(
    folder,
    { ...shared, weights: facts.base_weights, config: facts.base_config },
    { wd: 0, accum: 1, predict: "v_prediction", snr: "constant" },
    [],
    (network) => attach(network, (module, side) => file.get(`train_init.${name(module, side)}`), facts),
  );
  const worst = new Worst("losses, gradient norms and final arrays, in limits of their own", 1);
  for (let step = 0; step < steps; step++) {
    const norm = run.step(step, lr, (_micro, found) =>
      worst.add(`loss ${step}`, Math.abs(found.loss - (loss[step] ?? Number.NaN)) / LIMITS.loss),
    );
    worst.add(`gradient norm ${step}`, relative(norm, norms[step] ?? Number.NaN) / LIMITS.gradNorm);
  }
  // A set may give the adapter file's own arrays as the final ones; four steps cannot have led there.
  const given = readLora(openWeights(join(folder, facts.adapter_dir))).modules;
  const isResult = [...given].some(
    ([module, { up }]) => maxDifference(up.get(), file.get(`train_final.${name(module, "B")}`)) > 0,
  );
  for (const [own, found] of isResult ? run.parameters() : []) {
    const [module = "", side = ""] = own.split(".lora_");
    const expected = numbers(file.get(`train_final.${name(module, side as "A" | "B")}`));
    const off = numbers(found).filter(
      (value, place) => Math.abs(value - (expected[place] ?? Number.NaN)) > LIMITS.final,
    );
    worst.add(own, off.length / expected.length / STRAYING);
  }
  run.dispose();
  const outcome = worst.outcome();
  if (isResult) return outcome;
  return { ...outcome, detail: `${outcome.detail}; the final arrays given are the adapter file's, left out` };
}
