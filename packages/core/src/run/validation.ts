import { type DeviceName, noGrad, Scope } from "@hyfw/native";
import type { Augmenter } from "../hooks/augmenter.js";
import type { SamplerHook } from "../hooks/sampler.js";
import type { Settings } from "../settings/schema.js";
import type { Engine } from "./build-engine.js";
import { diceKey, rngFromKey } from "./dice.js";
import { type LoadedBatch, Loader } from "./loader.js";
import { LossGroups } from "./loss-groups.js";
import { FIRST_PLACE } from "./unit-places.js";
import type { ValidationBatch, ValidationRows } from "./validation-split.js";
import type { World } from "./world.js";

/** The loss over rows that are never trained on; part of a line of `metrics.jsonl`. */
export interface ValidationResult {
  readonly loss: number;
  /** Parts of the loss by name, without the weights of the settings. */
  readonly parts: Readonly<Record<string, number>>;
  readonly lossByTimestep: Readonly<Record<string, number>>;
  /** Rows, each measured at several timesteps. */
  readonly samples: number;
  /** Wall time, in no step's. */
  readonly ms: number;
}

/** What validation measures with. */
export interface ValidationFacts {
  readonly settings: Settings["validation"];
  readonly train: Settings["train"];
  readonly rows: ValidationRows;
  readonly engine: Engine;
  readonly augmenters: readonly Augmenter[];
  readonly device: DeviceName;
  readonly world: World;
  /** Pictures decoded at a time. */
  readonly inFlight: number;
}

/** One batch at one of its timesteps, by its place among all. */
interface Measurement {
  readonly batch: ValidationBatch;
  readonly round: number;
  /** Where its samples stand in the list of all losses. */
  readonly at: number;
  readonly number: number;
}

/**
 * Measures the loss of rows that are never trained on, always with the same noise and at the same timesteps: keyed by
 * validation's own seed, the row and the round, not by step, process or run. Each row is measured once in every even part
 * of the schedule. Batches are dealt to processes one by one and the losses put together in one order, so their mean is
 * the same at every number of processes.
 */
export class Validation {
  private readonly measurements: readonly Measurement[];
  private readonly samples: number;

  constructor(private readonly facts: ValidationFacts) {
    const { rows, settings } = facts;
    this.samples = rows.batches.reduce((sum, { positions }) => sum + positions.length, 0);
    const measurements: Measurement[] = [];
    let at = 0;
    for (let round = 0; round < settings.timesteps; round++)
      for (const batch of rows.batches) {
        measurements.push({ batch, round, at, number: measurements.length });
        at += batch.positions.length;
      }
    this.measurements = measurements;
  }

  /** Whether a step is followed by a measurement. */
  isDue(step: number, lastStep: number): boolean {
    const { every } = this.facts.settings;
    return every > 0 && (step % every === 0 || step === lastStep);
  }

  /** Measures with the weights as they are, or their average; every process calls it at the same step. */
  async measure(): Promise<ValidationResult> {
    const started = performance.now();
    const { engine, settings } = this.facts;
    const work = (): Promise<Omit<ValidationResult, "ms">> => this.measureAll();
    const result = settings.ema && engine.ema !== undefined ? await engine.ema.inFront(work) : await work();
    return { ...result, ms: performance.now() - started };
  }

  private async measureAll(): Promise<Omit<ValidationResult, "ms">> {
    const { world, engine } = this.facts;
    const { measurements } = this;
    const total = this.samples * this.facts.settings.timesteps;
    const losses = new Float64Array(total);
    const timesteps = new Float64Array(total);
    const parts = new Map<string, Float64Array>();
    const rounds = Math.ceil(measurements.length / world.worldSize);
    const own = Array.from({ length: rounds }, (_, n) => measurements[n * world.worldSize + world.rank]);
    // Where segments' weights are gathered all have to take part, also one that has nothing left to measure.
    const tasks = own.map((one) => ({ task: one ?? measurements.at(-1), counts: one !== undefined }));
    const loader = this.loaderOf(tasks.flatMap(({ task }) => task ?? []));
    try {
      for (const { task, counts } of tasks) {
        const loaded = await loader.next();
        if (task === undefined || loaded === undefined) break;
        const found = await this.measureOne(task, loaded);
        if (!counts) continue;
        losses.set(found.losses, task.at);
        timesteps.set(found.timesteps, task.at);
        for (const [name, value] of Object.entries(found.parts)) {
          const all = parts.get(name) ?? new Float64Array(measurements.length);
          all[task.number] = value * found.losses.length;
          parts.set(name, all);
        }
      }
    } finally {
      await loader.close();
    }
    // Every place is filled by one process and 0 in all others, so sums change no bit.
    const names = [...parts.keys()].sort();
    const sums = await world.reduce(
      [...losses, ...timesteps, ...names.flatMap((name) => [...(parts.get(name) ?? [])])],
      "sum",
    );
    const all = sums.slice(0, total);
    const groups = new LossGroups(engine.model.timestepCount);
    const resolution = { height: 0, width: 0 };
    groups.add(all.map((loss, n) => ({ loss, timestep: sums[total + n] ?? Number.NaN, resolution })));
    const partAt = (n: number): number[] =>
      sums.slice(2 * total + n * measurements.length, 2 * total + (n + 1) * measurements.length);
    return {
      loss: sumOf(all) / total,
      parts: Object.fromEntries(names.map((name, n) => [name, sumOf(partAt(n)) / total])),
      lossByTimestep: groups.take().lossByTimestep,
      samples: this.samples,
    };
  }

  private async measureOne(
    { round }: Measurement,
    loaded: LoadedBatch,
  ): Promise<{ losses: number[]; timesteps: readonly number[]; parts: Record<string, number> }> {
    const { engine, device, settings } = this.facts;
    using scope = new Scope();
    const quantiles = loaded.samples.map(({ row }) => {
      const key = diceKey(settings.seed, 0, row.id, "validation/timestep");
      return (round + rngFromKey(key).uniform()) / settings.timesteps;
    });
    const prepared = scope.run(() =>
      noGrad(() => engine.model.prepare({ ...loaded.toBatch(device), quantiles })),
    );
    const output = await engine.executor.infer(prepared.values);
    try {
      return scope.run(() =>
        noGrad(() => {
          const { perSample, parts } = engine.model.loss(prepared, output);
          const numbers = Object.entries(parts).map(([name, part]) => [name, part.item()] as const);
          return {
            losses: perSample.toArray(),
            timesteps: prepared.timesteps,
            parts: Object.fromEntries(numbers),
          };
        }),
      );
    } finally {
      for (const value of Object.values(output)) value.dispose();
    }
  }

  /** Reads batches in their order; a round is an epoch, so captions and noise are keyed by it. */
  private loaderOf(tasks: readonly Measurement[]): Loader {
    const { rows, settings, train, augmenters, inFlight } = this.facts;
    const byRound = Array.from({ length: settings.timesteps }, (_, round) =>
      tasks.filter((task) => task.round === round),
    );
    const sampler: SamplerHook = {
      order: (_facts, epoch) => {
        const own = byRound[epoch] ?? [];
        return {
          units: own.length,
          unit: (index) =>
            own[index]?.batch ?? { resolution: { height: 0, width: 0 }, positions: new Uint32Array() },
          notes: [],
        };
      },
    };
    return new Loader(
      {
        sampler,
        seed: settings.seed,
        unitSize: settings.batchSize,
        ranks: 1,
        phases: [
          {
            name: "validation",
            sources: [{ name: "validation", dataset: rows.dataset, share: 1, augmenters }],
            isMixed: false,
            epochs: settings.timesteps,
            maxUnits: Number.POSITIVE_INFINITY,
            unitSize: settings.batchSize,
            share: { microBatch: settings.batchSize, perUnit: 1 },
            train: { ...train, gradAccuSteps: 1 },
            hasOwnLr: false,
            steps: Number.POSITIVE_INFINITY,
          },
        ],
        rank: 0,
        worldSize: 1,
        inFlight,
        ahead: 1,
        aheadBytes: 128 * 2 ** 20,
      },
      FIRST_PLACE,
    );
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}
