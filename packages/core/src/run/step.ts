import { type DeviceName, full, globalNorm, Scope } from "@hyfw/native";
import { gradientNotFinite, lossNotFinite } from "../errors/training.js";
import type { Accelerator, LossScale, MicroStepFacts } from "../hooks/accelerator.js";
import type { Sample } from "../hooks/augmenter.js";
import type { Loss, Model, ParameterSlot } from "../hooks/model.js";
import type { Optimizer } from "../hooks/optimizer.js";
import type { Executor } from "./executor.js";
import type { LoadedBatch } from "./loader.js";
import type { SampleLoss } from "./loss-groups.js";
import { type LossWeightOf, weighLoss } from "./loss-weights.js";
import type { WeightAverage } from "./weight-average.js";
import { ALONE, type World } from "./world.js";

/** What optimizer steps work on. */
export interface StepParts {
  readonly model: Model;
  /** What this process trains; the model's parameters when left out. */
  readonly trained?: readonly ParameterSlot[];
  readonly executor: Executor;
  readonly optimizer: Optimizer;
  readonly accelerators: readonly Accelerator[];
  readonly ema: WeightAverage | undefined;
  readonly device: DeviceName;
  /** The processes that train together; this one alone when left out. */
  readonly world?: World;
  /** The factor on each sample's loss; 1 for all when left out. */
  readonly lossWeight?: LossWeightOf | undefined;
}

/** What happens when a loss or gradient is not finite: the run ends, the step leaves no trace, or the run goes back. */
export type NonFinitePolicy = "stop" | "skip" | "rollback";

/** What one optimizer step is told. */
export interface StepOrder {
  /** Number of the step, from 1. */
  readonly step: number;
  readonly lr: number;
  /** Micro-batches per step. */
  readonly gradAccuSteps: number;
  /** `stop` when left out. */
  readonly onNonFinite?: NonFinitePolicy;
  /** Norm above which gradients are scaled down; 0 leaves them. */
  readonly maxGradNorm: number;
}

/** What one optimizer step did. */
export interface StepReport {
  /** Mean over the samples of the step. */
  readonly loss: number;
  /** Parts of the loss by name, as the model gives them. */
  readonly parts: Readonly<Record<string, number>>;
  /** Norm over all gradients before clipping. */
  readonly gradNorm: number;
  readonly batches: readonly LoadedBatch[];
  /** Why no weight changed: gradients overflowed under loss scaling, or something was not finite. */
  readonly skipped?: "overflow" | "notFinite";
  /** Rows of this process whose loss was not finite. */
  readonly badRows: readonly string[];
  /** Of this process's samples. */
  readonly samples: readonly SampleLoss[];
  readonly ms: { data: number; forward: number; backward: number; update: number };
}

/**
 * One optimizer step: micro-batches forward and back, then clip, update, moving average; gradients are gone after.
 * @param next the next micro-batch; `undefined` when the data has ended
 * @returns nothing when the data ended before the step had all its micro-batches: then no weight has changed
 * @throws HYFW_LOSS_NOT_FINITE, HYFW_GRADIENT_NOT_FINITE before any weight changes
 */
export async function trainStep(
  parts: StepParts,
  order: StepOrder,
  next: () => Promise<LoadedBatch | undefined>,
): Promise<StepReport | undefined> {
  const { gradAccuSteps } = order;
  const ms = { data: 0, forward: 0, backward: 0, update: 0 };
  const losses: Record<string, number>[] = [];
  const badRows: string[] = [];
  const samples: SampleLoss[] = [];
  const batches: LoadedBatch[] = [];
  while (batches.length < gradAccuSteps) {
    const asked = performance.now();
    const loaded = await next();
    ms.data += performance.now() - asked;
    if (loaded === undefined) {
      clearGradients(parts);
      return undefined;
    }
    const micro = { index: batches.length, count: gradAccuSteps };
    batches.push(loaded);
    losses.push(await microStep(parts, order, { loaded, micro, ms, badRows, samples }));
  }
  const updateStart = performance.now();
  const updated = await update(parts, order, batches);
  ms.update = performance.now() - updateStart;
  const { mean: loss = Number.NaN, ...lossParts } = await meanOf(losses, parts.world ?? ALONE);
  return { loss, parts: lossParts, ...updated, batches, badRows, samples, ms };
}

interface MicroFacts {
  readonly loaded: LoadedBatch;
  readonly micro: MicroStepFacts;
  readonly ms: StepReport["ms"];
  /** Takes the rows whose loss was not finite. */
  readonly badRows: string[];
  /** Takes the losses of the samples. */
  readonly samples: SampleLoss[];
}

async function microStep(
  { model, executor, accelerators, device, lossWeight }: StepParts,
  { step, gradAccuSteps, onNonFinite = "stop" }: StepOrder,
  { loaded, micro, ms, badRows, samples }: MicroFacts,
): Promise<Record<string, number>> {
  using scope = new Scope();
  const started = performance.now();
  const batch = scope.run(() => loaded.toBatch(device));
  const prepareStart = performance.now();
  const prepared = scope.run(() => model.prepare(batch));
  const weights = lossWeight === undefined ? [] : batch.samples.map(lossWeight);
  ms.data += prepareStart - started;
  ms.forward += performance.now() - prepareStart;
  const { loss, forwardMs, backwardMs } = await executor.train({
    values: prepared.values,
    loss: (output) => weighLoss(model.loss(prepared, output), weights, device),
    scale: (scaleOf(accelerators)?.value ?? 1) / gradAccuSteps,
    micro,
    scope,
    check: (found) => {
      const bad = rowsNotFinite(found, loaded);
      // Otherwise the gradients will not be finite either, and all processes see that at the same place.
      if (bad.length > 0 && onNonFinite === "stop" && scaleOf(accelerators) === undefined)
        throw lossNotFinite(step, found.mean.item(), bad);
      badRows.push(...bad);
    },
  });
  ms.forward += forwardMs;
  ms.backward += backwardMs;
  for (const [n, value] of loss.perSample.toArray().entries())
    samples.push({
      loss: value,
      timestep: prepared.timesteps[n] ?? Number.NaN,
      resolution: batch.resolution,
      ...constructionOf(batch.samples[n]),
    });
  const parts = Object.entries(loss.parts).map(([name, part]) => [name, part.item()]);
  return { ...Object.fromEntries(parts), mean: loss.mean.item() };
}

function constructionOf(sample: Sample | undefined): Pick<SampleLoss, "construction"> {
  if (sample === undefined) return {};
  const { construction, isDropped } = sample.caption;
  return { construction: isDropped ? "dropped" : construction };
}

/** Rows whose loss is not finite; all of the micro-batch where only their mean is not. */
function rowsNotFinite({ mean, perSample }: Loss, { samples }: LoadedBatch): string[] {
  if (Number.isFinite(mean.item())) return [];
  const numbers = perSample.toArray();
  const bad = samples.filter((_sample, place) => !Number.isFinite(numbers[place]));
  return (bad.length > 0 ? bad : samples).map(nameOf);
}

/** Clips, lets the optimizer update, moves the average, unless a gradient is not finite. */
async function update(
  parts: StepParts,
  { step, lr, maxGradNorm, onNonFinite = "stop" }: StepOrder,
  batches: readonly LoadedBatch[],
): Promise<Pick<StepReport, "gradNorm" | "skipped">> {
  using scope = new Scope();
  const { optimizer, accelerators, ema, device } = parts;
  const lossScale = scaleOf(accelerators);
  const scale = lossScale?.value ?? 1;
  let gradNorm = Number.NaN;
  let skipped: StepReport["skipped"];
  let next = async (): Promise<void> => {
    gradNorm = (await normOf(parts, scope)) / scale;
    const areFinite = Number.isFinite(gradNorm);
    lossScale?.report(areFinite);
    if (!areFinite) {
      skipped = lossScale === undefined ? "notFinite" : "overflow";
      if (skipped === "notFinite" && onNonFinite === "stop")
        throw scope.run(() => badGradient(parts, step, gradNorm, batches));
      return;
    }
    // As the official trainer clips: 1 / (norm + 1e-6) · max, only above max.
    const factor = maxGradNorm > 0 && gradNorm > maxGradNorm ? maxGradNorm / (gradNorm + 1e-6) : 1;
    const gradScale = scope.run(() => full([], factor / scale, { device }));
    await scope.run(() => optimizer.step({ lr, gradScale }));
  };
  for (const accelerator of [...accelerators].reverse()) {
    if (accelerator.aroundUpdate === undefined) continue;
    const around = accelerator.aroundUpdate.bind(accelerator);
    const inner = next;
    next = () => around(inner);
  }
  await next();
  if (skipped === undefined) ema?.update();
  clearGradients(parts);
  return { gradNorm, ...(skipped !== undefined && { skipped }) };
}

function scaleOf(accelerators: readonly Accelerator[]): LossScale | undefined {
  return accelerators.find(({ lossScale }) => lossScale !== undefined)?.lossScale;
}

/** Slots whose gradients this process updates with. */
function trainedOf({ model, trained = model.parameters }: StepParts): readonly ParameterSlot[] {
  return trained;
}

/** The norm over all gradients; over those of all processes where each has its own stretches. */
async function normOf(parts: StepParts, scope: Scope): Promise<number> {
  const own = scope.run(() => {
    const gradients = trainedOf(parts).flatMap(({ storage }) => storage.grad ?? []);
    return gradients.length === 0 ? 0 : globalNorm(gradients).item();
  });
  if (parts.trained === undefined || parts.trained === parts.model.parameters) return own;
  const [sum = Number.NaN] = await (parts.world ?? ALONE).reduce([own * own], "sum");
  return Math.sqrt(sum);
}

function badGradient(parts: StepParts, step: number, norm: number, batches: readonly LoadedBatch[]): Error {
  const bad = trainedOf(parts).find(({ storage }) => storage.grad?.isFinite().all().item() === 0);
  const rows = batches.flatMap(({ samples }) => samples.map(nameOf));
  return gradientNotFinite(step, norm, bad?.name, rows);
}

function nameOf({ row }: LoadedBatch["samples"][number]): string {
  return `${row.id} (${row.arrowFile} row ${row.rowInFile})`;
}

function clearGradients(parts: StepParts): void {
  for (const { storage } of trainedOf(parts)) storage.setGrad(undefined);
  if (parts.trained !== undefined)
    for (const { storage } of parts.model.parameters) storage.setGrad(undefined);
}

/** Means over micro-batches and processes. */
async function meanOf(
  rows: readonly Record<string, number>[],
  world: World,
): Promise<Record<string, number>> {
  const names = Object.keys(rows[0] ?? {});
  const own = names.map((name) => rows.reduce((sum, row) => sum + (row[name] ?? 0), 0) / rows.length);
  const means = await world.reduce(own, "mean");
  return Object.fromEntries(names.map((name, place) => [name, means[place] ?? Number.NaN]));
}
