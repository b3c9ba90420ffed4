import { type DeviceName, full, globalNorm, Scope } from "@hyfw/native";
import { gradientNotFinite, lossNotFinite } from "../errors.js";
import type { Accelerator } from "../hooks/accelerator.js";
import type { Loss, Model } from "../hooks/model.js";
import type { Optimizer } from "../hooks/optimizer.js";
import type { Ema } from "./ema.js";
import type { Executor } from "./executor.js";
import type { LoadedBatch } from "./loader.js";
import type { SampleLoss } from "./loss-groups.js";

/** What optimizer steps work on. */
export interface StepParts {
  readonly model: Model;
  readonly executor: Executor;
  readonly optimizer: Optimizer;
  readonly accelerators: readonly Accelerator[];
  readonly ema: Ema | undefined;
  readonly device: DeviceName;
}

/** What one optimizer step is told. */
export interface StepOrder {
  /** Number of the step, from 1. */
  readonly step: number;
  readonly lr: number;
  /** Micro-batches per step. */
  readonly gradAccuSteps: number;
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
  const samples: SampleLoss[] = [];
  const batches: LoadedBatch[] = [];
  while (batches.length < gradAccuSteps) {
    const asked = performance.now();
    const loaded = await next();
    ms.data += performance.now() - asked;
    if (loaded === undefined) {
      clearGradients(parts.model);
      return undefined;
    }
    batches.push(loaded);
    losses.push(await microStep(parts, order, loaded, { ms, samples }));
  }
  const updateStart = performance.now();
  const gradNorm = await update(parts, order, batches);
  ms.update = performance.now() - updateStart;
  const { mean: loss = Number.NaN, ...lossParts } = meanOf(losses);
  return { loss, parts: lossParts, gradNorm, batches, samples, ms };
}

async function microStep(
  { model, executor, device }: StepParts,
  { step, gradAccuSteps }: StepOrder,
  loaded: LoadedBatch,
  { ms, samples }: Pick<StepReport, "ms"> & { readonly samples: SampleLoss[] },
): Promise<Record<string, number>> {
  using scope = new Scope();
  const started = performance.now();
  const batch = scope.run(() => loaded.toBatch(device));
  const prepareStart = performance.now();
  const prepared = scope.run(() => model.prepare(batch));
  ms.data += prepareStart - started;
  ms.forward += performance.now() - prepareStart;
  const { loss, forwardMs, backwardMs } = await executor.train({
    values: prepared.values,
    loss: (output) => model.loss(prepared, output),
    scale: 1 / gradAccuSteps,
    scope,
    check: (found) => checkLoss(found, step, loaded),
  });
  ms.forward += forwardMs;
  ms.backward += backwardMs;
  for (const [n, value] of loss.perSample.toArray().entries())
    samples.push({
      loss: value,
      timestep: prepared.timesteps[n] ?? Number.NaN,
      resolution: batch.resolution,
    });
  const parts = Object.entries(loss.parts).map(([name, part]) => [name, part.item()]);
  return { ...Object.fromEntries(parts), mean: loss.mean.item() };
}

function checkLoss({ mean, perSample }: Loss, step: number, { samples }: LoadedBatch): void {
  const value = mean.item();
  if (Number.isFinite(value)) return;
  const numbers = perSample.toArray();
  const bad = samples.filter((_sample, place) => !Number.isFinite(numbers[place]));
  throw lossNotFinite(step, value, (bad.length > 0 ? bad : samples).map(nameOf));
}

/** Clips, lets the optimizer update, moves the average. @returns the norm before clipping */
async function update(
  { model, optimizer, accelerators, ema, device }: StepParts,
  { step, lr, maxGradNorm }: StepOrder,
  batches: readonly LoadedBatch[],
): Promise<number> {
  using scope = new Scope();
  let gradNorm = Number.NaN;
  let next = async (): Promise<void> => {
    gradNorm = scope.run(() => normOf(model));
    if (!Number.isFinite(gradNorm)) throw scope.run(() => badGradient(model, step, gradNorm, batches));
    // As the official trainer clips: 1 / (norm + 1e-6) · max, only above max.
    const factor = maxGradNorm > 0 && gradNorm > maxGradNorm ? maxGradNorm / (gradNorm + 1e-6) : 1;
    const gradScale = scope.run(() => full([], factor, { device }));
    await scope.run(() => optimizer.step({ lr, gradScale }));
  };
  for (const accelerator of [...accelerators].reverse()) {
    if (accelerator.aroundUpdate === undefined) continue;
    const around = accelerator.aroundUpdate.bind(accelerator);
    const inner = next;
    next = () => around(inner);
  }
  await next();
  ema?.update();
  clearGradients(model);
  return gradNorm;
}

function normOf({ parameters }: Model): number {
  const gradients = parameters.flatMap(({ storage }) => storage.grad ?? []);
  return globalNorm(gradients).item();
}

function badGradient(
  { parameters }: Model,
  step: number,
  norm: number,
  batches: readonly LoadedBatch[],
): Error {
  const bad = parameters.find(({ storage }) => storage.grad?.isFinite().all().item() === 0);
  const rows = batches.flatMap(({ samples }) => samples.map(nameOf));
  return gradientNotFinite(step, norm, bad?.name, rows);
}

function nameOf({ row }: LoadedBatch["samples"][number]): string {
  return `${row.id} (${row.arrowFile} row ${row.rowInFile})`;
}

function clearGradients({ parameters }: Model): void {
  for (const { storage } of parameters) storage.setGrad(undefined);
}

function meanOf(rows: readonly Record<string, number>[]): Record<string, number> {
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, rows.reduce((sum, row) => sum + (row[name] ?? 0), 0) / rows.length]),
  );
}
