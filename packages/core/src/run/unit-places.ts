import { z } from "zod";
import { dataEndless } from "../errors/training.js";
import type { Augmenter } from "../hooks/augmenter.js";
import type { Dataset, Resolution } from "../hooks/dataset.js";
import type { EpochOrder, SamplerHook } from "../hooks/sampler.js";
import type { Settings } from "../settings/schema.js";
import { type SourceTurn, TurnSchema, turnOf } from "./mix.js";

const whole = z.number().int().min(0);

/** A place in the data of a run: what comes next. Saved in checkpoints. */
export const PlaceSchema = z.object({
  /** Number of the phase, from 0. */
  phase: whole,
  /** Epoch of the phase, from 0; the sampler's order follows it, except in a mixed phase. */
  epoch: whole,
  /** Units of this epoch that were trained. */
  unitsDone: whole,
  /** Units of this phase that were trained. */
  phaseUnits: whole,
  /** Epochs of earlier phases; with `epoch` the epoch that chance is keyed by. */
  epochsBefore: whole,
  /** Where each data set of a mixed phase stands; absent in others, and at a phase's very beginning. */
  mix: z.array(TurnSchema).optional(),
});

/** A place in the data of a run. */
export type DataPlace = Readonly<z.output<typeof PlaceSchema>>;

/** Where every run begins. */
export const FIRST_PLACE: DataPlace = { phase: 0, epoch: 0, unitsDone: 0, phaseUnits: 0, epochsBefore: 0 };

/** One data set of a phase, open. */
export interface OpenSource {
  /** Its name in the plan and the counts: the phase's, for a mixed one with that of the data set behind it. */
  readonly name: string;
  readonly dataset: Dataset;
  /** Share of the phase's units, above 0; all of a phase sum to 1. */
  readonly share: number;
  readonly augmenters: readonly Augmenter[];
}

/** What one process takes of a unit. */
export interface UnitShare {
  /** Samples per micro-batch. */
  readonly microBatch: number;
  /** Micro-batches that its share of a unit is cut into; 1 unless the run began with more processes. */
  readonly perUnit: number;
}

/** One phase with its data open. */
export interface OpenPhase {
  readonly name: string;
  /** One, or the several of a mixed phase. */
  readonly sources: readonly OpenSource[];
  /** Whether units come from its sources in proportion instead of from one epoch by epoch. */
  readonly isMixed: boolean;
  readonly epochs: number;
  /** Units after which the phase ends: its optimizer steps × accumulation. */
  readonly maxUnits: number;
  /** Samples per unit. */
  readonly unitSize: number;
  readonly share: UnitShare;
  /** The run's settings of optimizer steps with the phase's own over them. */
  readonly train: Settings["train"];
  /** Whether the learning rate follows the phase's own steps instead of the run's. */
  readonly hasOwnLr: boolean;
  /** Optimizer steps that its data and the settings allow. */
  readonly steps: number;
}

/** One unit with where it lies and what comes after it. */
export interface PlacedUnit {
  readonly phase: OpenPhase;
  readonly source: OpenSource;
  /** Epoch over all phases, from 0. */
  readonly epoch: number;
  /** The same, except in a mixed phase: there the pass over the source's rows. Chance is keyed by it. */
  readonly pass: number;
  readonly resolution: Resolution;
  readonly positions: Uint32Array;
  /** The unit's own place. */
  readonly at: DataPlace;
  /** The place to resume from once this unit is trained. */
  readonly after: DataPlace;
  readonly endsEpoch: boolean;
}

/** What the order of a run is made from. */
export interface OrderFacts {
  readonly sampler: SamplerHook;
  readonly seed: number;
  /** Samples per unit of a phase that does not say otherwise. */
  readonly unitSize: number;
  /** Processes that the run began with. */
  readonly ranks: number;
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
    const units = phase.isMixed ? mixedUnits(place, phase, facts) : plainUnits(place, phase, facts);
    place = yield* units;
    const turns = [place, ...(place.mix ?? [])];
    const started = turns.map(({ epoch, unitsDone }) => epoch + (unitsDone > 0 ? 1 : 0));
    place = {
      phase: number + 1,
      epoch: 0,
      unitsDone: 0,
      phaseUnits: 0,
      epochsBefore: place.epochsBefore + Math.max(...started),
    };
  }
}

/**
 * Units of whole optimizer steps only: those at the end of a phase that fill none are passed over, so that no step
 * takes units of two phases.
 */
export function* wholeSteps(units: Iterable<PlacedUnit>): Generator<PlacedUnit> {
  let step: PlacedUnit[] = [];
  for (const unit of units) {
    if (step[0]?.phase !== unit.phase) step = [];
    step.push(unit);
    if (step.length < unit.phase.train.gradAccuSteps) continue;
    yield* step;
    step = [];
  }
}

/** Units of a phase with one data set, epoch by epoch. @returns the place at its end */
function* plainUnits(
  start: DataPlace,
  phase: OpenPhase,
  facts: OrderFacts,
): Generator<PlacedUnit, DataPlace> {
  const [source] = phase.sources;
  let place = start;
  let empty = 0;
  while (source !== undefined && place.epoch < phase.epochs && place.phaseUnits < phase.maxUnits) {
    const order = orderOf(phase, source, place.epoch, facts);
    empty = order.units === 0 ? empty + 1 : 0;
    // With leftovers carried on, a small set fills a unit only every few epochs; for ever none is a fault.
    if (empty > MAX_EMPTY_EPOCHS) throw dataEndless(phase.name, phase.unitSize, MAX_EMPTY_EPOCHS);
    while (place.unitsDone < order.units && place.phaseUnits < phase.maxUnits) {
      const { unitsDone, phaseUnits, epoch, epochsBefore } = place;
      const endsEpoch = unitsDone + 1 === order.units;
      const next = endsEpoch ? { epoch: epoch + 1, unitsDone: 0 } : { epoch, unitsDone: unitsDone + 1 };
      const after: DataPlace = { ...place, ...next, phaseUnits: phaseUnits + 1 };
      const over = epochsBefore + epoch;
      yield { phase, source, epoch: over, pass: over, ...order.unit(unitsDone), at: place, after, endsEpoch };
      place = after;
      if (endsEpoch) break;
    }
    if (order.units === 0) place = { ...place, epoch: place.epoch + 1, unitsDone: 0 };
  }
  return place;
}

/**
 * Units of a mixed phase: each comes from the data set that is furthest behind its share, and every data set goes
 * through its own epochs, as often as its share asks for. @returns the place at the phase's end
 */
function* mixedUnits(
  start: DataPlace,
  phase: OpenPhase,
  facts: OrderFacts,
): Generator<PlacedUnit, DataPlace> {
  const perEpoch = mixedEpochUnits(phase);
  const orders: ({ epoch: number; order: EpochOrder } | undefined)[] = phase.sources.map(() => undefined);
  let place = start;
  while (place.epoch < phase.epochs && place.phaseUnits < phase.maxUnits) {
    const turns: SourceTurn[] = place.mix ?? phase.sources.map(() => ({ epoch: 0, unitsDone: 0, units: 0 }));
    const number = turnOf(
      phase.sources.map(({ share }) => share),
      turns,
    );
    const source = phase.sources[number];
    const turn = turns[number];
    if (source === undefined || turn === undefined)
      throw new RangeError(`phase ${phase.name} has no data set ${number}`);
    let { epoch } = turn;
    let open = orders[number];
    for (let empty = 0; ; empty++, epoch++) {
      if (empty > MAX_EMPTY_EPOCHS) throw dataEndless(source.name, phase.unitSize, MAX_EMPTY_EPOCHS);
      if (open?.epoch !== epoch) open = { epoch, order: orderOf(phase, source, epoch, facts) };
      if (open.order.units > 0) break;
    }
    orders[number] = open;
    const { order } = open;
    // An epoch that was passed over had no unit, so nothing of it was done.
    const done = epoch === turn.epoch ? turn.unitsDone : 0;
    const own: SourceTurn = {
      ...(done + 1 === order.units ? { epoch: epoch + 1, unitsDone: 0 } : { epoch, unitsDone: done + 1 }),
      units: turn.units + 1,
    };
    const endsEpoch = place.unitsDone + 1 === perEpoch;
    const after: DataPlace = {
      ...place,
      ...(endsEpoch
        ? { epoch: place.epoch + 1, unitsDone: 0 }
        : { epoch: place.epoch, unitsDone: place.unitsDone + 1 }),
      phaseUnits: place.phaseUnits + 1,
      mix: turns.with(number, own),
    };
    const { epochsBefore } = place;
    yield {
      phase,
      source,
      epoch: epochsBefore + place.epoch,
      pass: epochsBefore + epoch,
      ...order.unit(done),
      at: place,
      after,
      endsEpoch,
    };
    place = after;
  }
  return place;
}

/** Units of one epoch of a mixed phase: as many samples as its data sets have rows together, at least one unit. */
export function mixedEpochUnits({ sources, unitSize }: Pick<OpenPhase, "sources" | "unitSize">): number {
  const rows = sources.reduce((sum, { dataset }) => sum + dataset.length, 0);
  return Math.max(1, Math.floor(rows / unitSize));
}

/** The sampler's order of one epoch of a data set of a phase. */
export function orderOf(
  { unitSize }: Pick<OpenPhase, "unitSize">,
  { dataset }: Pick<OpenSource, "dataset">,
  epoch: number,
  { sampler, seed, ranks }: Pick<OrderFacts, "sampler" | "seed" | "ranks">,
): EpochOrder {
  return sampler.order({ buckets: dataset.buckets, seed, unitSize, ranks }, epoch);
}
