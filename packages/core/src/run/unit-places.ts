import { z } from "zod";
import { dataEndless } from "../errors/training.js";
import type { Dataset, Resolution } from "../hooks/dataset.js";
import type { EpochOrder, SamplerHook } from "../hooks/sampler.js";

const whole = z.number().int().min(0);

/** A place in the data of a run: what comes next. Saved in checkpoints. */
export const PlaceSchema = z.object({
  /** Number of the phase, from 0. */
  phase: whole,
  /** Epoch of the phase, from 0; the sampler's order follows it. */
  epoch: whole,
  /** Units of this epoch that were trained. */
  unitsDone: whole,
  /** Units of this phase that were trained. */
  phaseUnits: whole,
  /** Epochs of earlier phases; with `epoch` the epoch that chance is keyed by. */
  epochsBefore: whole,
});

/** A place in the data of a run. */
export type DataPlace = Readonly<z.output<typeof PlaceSchema>>;

/** Where every run begins. */
export const FIRST_PLACE: DataPlace = { phase: 0, epoch: 0, unitsDone: 0, phaseUnits: 0, epochsBefore: 0 };

/** One phase with its data open. */
export interface OpenPhase {
  readonly name: string;
  readonly dataset: Dataset;
  readonly epochs: number;
  /** Units after which the phase ends: its optimizer steps × accumulation. */
  readonly maxUnits: number;
}

/** One unit with where it lies and what comes after it. */
export interface PlacedUnit {
  readonly phase: OpenPhase;
  /** Epoch over all phases, from 0. */
  readonly epoch: number;
  readonly resolution: Resolution;
  readonly positions: Uint32Array;
  /** The place to resume from once this unit is trained. */
  readonly after: DataPlace;
  readonly endsEpoch: boolean;
}

/** What the order of a run is made from. */
export interface OrderFacts {
  readonly sampler: SamplerHook;
  readonly seed: number;
  readonly unitSize: number;
}

/** After how many epochs without one unit a run gives up. */
const MAX_EMPTY_EPOCHS = 10_000;

/** Every unit from a place to the end of the last phase, one after the other. @throws HYFW_DATA_ENDLESS */
export function* unitsFrom(
  start: DataPlace,
  phases: readonly OpenPhase[],
  facts: OrderFacts,
): Generator<PlacedUnit> {
  let place = start;
  for (let number = start.phase; number < phases.length; number++) {
    const phase = phases[number];
    if (phase === undefined) return;
    let empty = 0;
    while (place.epoch < phase.epochs && place.phaseUnits < phase.maxUnits) {
      const order = orderOf(phase, place.epoch, facts);
      empty = order.units === 0 ? empty + 1 : 0;
      // With leftovers carried on, a small set fills a unit only every few epochs; for ever none is a fault.
      if (empty > MAX_EMPTY_EPOCHS) throw dataEndless(phase.name, facts.unitSize, MAX_EMPTY_EPOCHS);
      while (place.unitsDone < order.units && place.phaseUnits < phase.maxUnits) {
        const { unitsDone, phaseUnits, epoch, epochsBefore } = place;
        const endsEpoch = unitsDone + 1 === order.units;
        const next = endsEpoch ? { epoch: epoch + 1, unitsDone: 0 } : { epoch, unitsDone: unitsDone + 1 };
        const after: DataPlace = { ...place, ...next, phaseUnits: phaseUnits + 1 };
        yield { phase, epoch: epochsBefore + epoch, ...order.unit(unitsDone), after, endsEpoch };
        place = after;
        if (endsEpoch) break;
      }
      if (order.units === 0) place = { ...place, epoch: place.epoch + 1, unitsDone: 0 };
    }
    const started = place.epoch + (place.unitsDone > 0 ? 1 : 0);
    place = {
      phase: number + 1,
      epoch: 0,
      unitsDone: 0,
      phaseUnits: 0,
      epochsBefore: place.epochsBefore + started,
    };
  }
}

/** The sampler's order of one epoch of a phase. */
export function orderOf(phase: OpenPhase, epoch: number, facts: OrderFacts): EpochOrder {
  const { sampler, seed, unitSize } = facts;
  return sampler.order({ buckets: phase.dataset.buckets, seed, unitSize }, epoch);
}
