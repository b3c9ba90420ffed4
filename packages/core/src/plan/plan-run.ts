import { dtypeBytes } from "@hyfw/native";
import type { Resolution } from "../hooks/dataset.js";
import { MODEL, type ParameterSlot } from "../hooks/model.js";
import { OPTIMIZER } from "../hooks/optimizer.js";
import { PLAIN_FACTS } from "../optimizer/update-rules.js";
import { storages } from "../run/build-engine.js";
import { chooseTrained } from "../run/choose-trained.js";
import type { LoadedRun } from "../run/container.js";
import { openAccelerators } from "../run/open-accelerators.js";
import type { ModelBytes } from "./estimate.js";
import { type ShapeWalk, walkShapes } from "./walk-shapes.js";

/** A run's model and what it needs, before a choice is made. */
export interface Measured {
  readonly bytes: ModelBytes;
  /** By samples per micro-batch, in a straight line through two walks. */
  readonly walkAt: (samples: number) => ShapeWalk;
}

/**
 * Builds a run's model on `meta` and walks over it with one and with two samples.
 * @param device whose paths are taken: `cpu` where the plan is compared with what a run on the CPU takes
 */
export async function measureRun(
  run: LoadedRun,
  resolution: Resolution,
  device: "cpu" | "cuda" = "cuda",
): Promise<Measured> {
  const born = { device: "meta", seed: run.settings.run.seed } as const;
  const model = chooseTrained(run, run.get(MODEL).build(born), born);
  const facts = { device, rank: 0, worldSize: 1, isPlanned: true } as const;
  const walking = new Set(["precision", "activations", "attention", "kernels"]);
  const accelerators = openAccelerators(run).filter(({ duties }) =>
    duties.every((duty) => walking.has(duty)),
  );
  for (const accelerator of accelerators) await accelerator.prepare?.(model, facts);
  const optimizer = run.get(OPTIMIZER).create(model.parameters, PLAIN_FACTS);
  const states = Object.values(optimizer.state().tensors);
  try {
    const walk = (samples: number) => walkShapes({ model, accelerators, samples, resolution, device });
    const one = await walk(1);
    const two = await walk(2);
    const trained = 4 * countOf(model.parameters);
    const weights = storages(model).reduce((sum, { numel }) => sum + 4 * numel, 0);
    return {
      bytes: {
        parameters: weights / 4,
        weights,
        trained,
        states: states.reduce((sum, tensor) => sum + tensor.numel * dtypeBytes(tensor.dtype), 0),
        average: run.settings.train.ema.enabled ? trained : 0,
        frozen: (model.frozen?.() ?? []).reduce((sum, { bytes }) => sum + bytes, 0),
        largestSegment: Math.max(...model.segments.map((segment) => 4 * countOf(segment.parameters))),
      },
      walkAt: (samples) => between(one, two, samples),
    };
  } finally {
    for (const tensor of states) tensor.dispose();
    for (const storage of storages(model)) storage.dispose();
  }
}

/** Everything in a walk is a constant plus so much per sample. */
function between(one: ShapeWalk, two: ShapeWalk, samples: number): ShapeWalk {
  const at = (first: number, second: number): number => first + (samples - 1) * (second - first);
  return {
    forwardPeak: at(one.forwardPeak, two.forwardPeak),
    flops: at(one.flops, two.flops),
    backward: one.backward.map((peak, index) => ({
      ...peak,
      peak: at(peak.peak, two.backward[index]?.peak ?? peak.peak),
    })),
  };
}

function countOf(slots: readonly ParameterSlot[]): number {
  return slots.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
}
