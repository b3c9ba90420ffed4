import { join } from "node:path";
import type { z } from "@hyfw/core";
import { numbers } from "@hyfw/core/golden";
import {
  backwardSync,
  callOp,
  emaUpdate,
  full,
  globalNorm,
  type MappedSafetensors,
  openSafetensors,
  type Tensor,
  tidy,
  zeros,
} from "@hyfw/native";
import type { Parameter } from "@hyfw/nn";
import { diffusionLoss } from "../diffusion/loss.js";
import { AtTimesteps, addNoise, type PredictType } from "../diffusion/predict.js";
import type { Schedule } from "../diffusion/schedule.js";
import type { Network } from "../network/network.js";
import { emaDecay, type OfficialEma } from "./official-training.js";
import { loadReference, type ReferenceConfig, referenceValues, runNetwork } from "./reference-network.js";
import { type ReferenceSchedule, referenceSchedule } from "./schedule-cases.js";

/** What all settings of the reference share. */
export interface RunFacts {
  readonly weights: string;
  readonly batches: string;
  readonly config: z.output<typeof ReferenceConfig>;
  readonly diffusion: z.output<typeof ReferenceSchedule>;
  readonly optimizer: { readonly betas: readonly [number, number]; readonly eps: number };
  readonly clip_grad_norm: number;
}

/** One setting. */
export interface RunSetting {
  readonly wd: number;
  readonly accum: number;
  readonly predict: PredictType;
  readonly snr: string;
}

interface Average {
  readonly name: string;
  readonly ema: OfficialEma;
}

/** Trains the reference network as the official trainer does: loss, clip, AdamW on every parameter, moving averages. */
export class ReferenceRun {
  private readonly network: Network;
  private readonly trained: readonly Parameter[];
  private readonly batches: MappedSafetensors;
  private readonly schedule: Schedule;
  private readonly moments: { readonly m: Tensor; readonly v: Tensor }[];
  private readonly averages: { readonly of: Average; readonly arrays: ReadonlyMap<string, Tensor> }[];
  private updates = 0;
  private microSteps = 0;

  constructor(
    folder: string,
    private readonly facts: RunFacts,
    private readonly setting: RunSetting,
    averages: readonly Average[],
    adapt: (network: Network) => readonly Parameter[] = (network) => network.parameters(),
  ) {
    this.network = loadReference(folder, facts.weights, facts.config);
    this.trained = adapt(this.network);
    this.batches = openSafetensors(join(folder, facts.batches));
    this.schedule = referenceSchedule(facts.diffusion);
    const parameters = this.trained;
    this.moments = parameters.map(({ shape }) => ({ m: zeros(shape).keep(), v: zeros(shape).keep() }));
    this.averages = averages.map((of) => ({
      of,
      arrays: new Map(parameters.map(({ name, storage }) => [name, storage.detach().clone().keep()])),
    }));
  }

  /**
   * One update over `accum` micro-batches from `firstBatch` on.
   * @returns the norm of the gradient before clipping
   */
  step(
    firstBatch: number,
    lr: number,
    onMicroStep: (microStep: number, found: { loss: number; mse: number; vb: number }) => void,
  ): number {
    const { accum } = this.setting;
    const parameters = this.trained;
    for (const { storage } of parameters) storage.setGrad(undefined);
    for (let micro = firstBatch; micro < firstBatch + accum; micro++)
      onMicroStep(
        micro,
        tidy(() => this.backward(micro, 1 / accum)),
      );
    const grads = parameters.map(({ name, storage }) => {
      const { grad } = storage;
      if (grad === undefined) throw new Error(`${name} got no gradient`);
      return grad;
    });
    const norm = globalNorm(grads).item();
    this.update(
      lr,
      grads,
      parameters.map(({ storage }) => storage),
      Math.min(1, this.facts.clip_grad_norm / (norm + 1e-6)),
    );
    this.microSteps += accum;
    return norm;
  }

  parameters(): ReadonlyMap<string, Tensor> {
    return new Map(this.trained.map(({ name, storage }) => [name, storage]));
  }
  average(name: string): ReadonlyMap<string, Tensor> {
    const found = this.averages.find(({ of }) => of.name === name);
    if (found === undefined) throw new Error(`there is no average ${name}`);
    return found.arrays;
  }
  dispose(): void {
    for (const parameter of this.trained) parameter.dispose();
    this.network.dispose();
    for (const { m, v } of this.moments) {
      m.dispose();
      v.dispose();
    }
    for (const { arrays } of this.averages) for (const tensor of arrays.values()) tensor.dispose();
  }

  private backward(batch: number, share: number): { loss: number; mse: number; vb: number } {
    const { predict, snr } = this.setting;
    const get = (name: string): Tensor | undefined => {
      if (!this.batches.has(name)) return undefined;
      const tensor = this.batches.get(name);
      return name === "cos" || name === "sin" ? tensor : tensor.select(0, batch);
    };
    const t = numbers(this.batches.get("t").select(0, batch));
    const when = new AtTimesteps(this.schedule, t, "cpu");
    const latents = this.batches.get("x_start").select(0, batch);
    const noise = this.batches.get("noise").select(0, batch);
    const xt = addNoise(latents, noise, when);
    const output = runNetwork(this.network, referenceValues(get, xt, t));
    const { loss, mse, vb } = diffusionLoss(output, { latents, noise, xt }, when, {
      predictType: predict,
      learnSigma: this.network.shape.learnSigma,
      mseLossWeightType: snr,
    });
    const mean = loss.mean();
    backwardSync([mean.mul(share)]);
    return { loss: mean.item(), mse: mse.mean().item(), vb: vb?.mean().item() ?? 0 };
  }

  private update(lr: number, grads: readonly Tensor[], storages: readonly Tensor[], scale: number): void {
    const { betas, eps } = this.facts.optimizer;
    this.updates++;
    callOp(
      "hyfw::adamw_",
      storages,
      grads,
      this.moments.map(({ m }) => m),
      this.moments.map(({ v }) => v),
      full([], scale),
      lr,
      betas[0],
      betas[1],
      eps,
      this.setting.wd,
      this.updates,
    );
    for (const { of, arrays } of this.averages) {
      const step = of.ema.resetDecay === true ? this.microSteps + 1 : this.microSteps;
      emaUpdate([...arrays.values()], storages, emaDecay(of.ema, step));
    }
  }
}
